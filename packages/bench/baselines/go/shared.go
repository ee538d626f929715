package main

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// The most times in one statement, as in the project's own app.
const maxBatch = 1000

type pendingSave struct {
	at   time.Time
	done chan<- error
}

// saveShared runs one statement at a time; the times that arrive meanwhile share the next one.
func saveShared(db *sql.DB) saver {
	queue := make(chan pendingSave, maxBatch)
	go func() {
		for first := range queue {
			batch := gather(first, queue)
			err := insertAll(db, batch)
			for _, save := range batch {
				save.done <- err
			}
		}
	}()
	return func(ctx context.Context, at time.Time) error {
		done := make(chan error, 1)
		queue <- pendingSave{at, done}
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather takes what is waiting in the queue, and does not wait for more.
func gather(first pendingSave, queue <-chan pendingSave) []pendingSave {
	batch := []pendingSave{first}
	for len(batch) < maxBatch {
		select {
		case next := <-queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func insertAll(db *sql.DB, batch []pendingSave) error {
	times := make([]any, len(batch))
	for i, save := range batch {
		times[i] = save.at
	}
	_, err := db.Exec("INSERT INTO testtable (dt) VALUES (?)"+strings.Repeat(", (?)", len(batch)-1), times...)
	return err
}
