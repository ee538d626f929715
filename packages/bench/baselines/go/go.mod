module baseline

go 1.24

require github.com/go-sql-driver/mysql v1.9.0

require filippo.io/edwards25519 v1.1.0 // indirect

// Debian's packages.
replace (
	filippo.io/edwards25519 => /usr/share/gocode/src/filippo.io/edwards25519
	github.com/go-sql-driver/mysql => /usr/share/gocode/src/github.com/go-sql-driver/mysql
)
