package main

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// As many connections per endpoint as the other baselines have.
const maxConnections = 10

// openDatabase reads the same variables as the project's own app; the pool connects later.
func openDatabase(endpoint string) (*sql.DB, error) {
	password, err := os.ReadFile("/run/credentials/password")
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = os.Getenv(endpoint)
	config.User = "app"
	config.Passwd = strings.TrimSpace(string(password))
	config.DBName = "testdb"
	// One round trip for a statement that is not prepared.
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	return db, nil
}

// saveEach stores each time with a statement of its own.
func saveEach(db *sql.DB) (saver, error) {
	insert, err := db.Prepare("INSERT INTO testtable (dt) VALUES (?)")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, at time.Time) error {
		_, err := insert.ExecContext(ctx, at)
		return err
	}, nil
}

// listTimes returns every stored time, oldest first.
func listTimes(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT dt FROM testtable ORDER BY dt, id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	times := []string{}
	for rows.Next() {
		var at string
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		times = append(times, at[:len(time.DateTime)])
	}
	return times, rows.Err()
}
