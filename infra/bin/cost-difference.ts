// Prints what a deployment changes in the fixed cost per month: `node infra/bin/cost-difference.ts DEPLOYED NEW`, two
// templates as JSON. A deployed template without resources is that of a stack which does not exist yet.
import { readFileSync } from 'node:fs'
import { costs, costTable } from '../lib/costs.ts'

const [deployed, next] = process.argv.slice(2).map((file) => costs(JSON.parse(readFileSync(file, 'utf8'))))
if (!deployed || !next) throw new Error('expected two files: the deployed template and the new one')
console.log(costTable({ deployed, new: next }))
