// Apart from index.ts, so that a command does not load Testcontainers.
export { copyCheckout, linkInstalledPackages } from './checkout-copy.ts'
export { startMysql, type TestMysql } from './mysql.ts'
export { testContainer } from './test-container.ts'
