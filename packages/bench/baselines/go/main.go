// A straightforward service: one statement per request, a string per row, json.MarshalIndent of the complete list.
// With -shared, one INSERT stores the times that have arrived while the last one was running.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"
)

// A saver returns when the time is committed.
type saver func(ctx context.Context, at time.Time) error

func main() {
	shared := flag.Bool("shared", false, "share INSERTs")
	flag.Parse()

	writer, err := openDatabase("DB_WRITE_ENDPOINT_ADDRESS")
	if err != nil {
		log.Fatal(err)
	}
	reader, err := openDatabase("DB_READ_ENDPOINT_ADDRESS")
	if err != nil {
		log.Fatal(err)
	}
	save, err := saveEach(writer)
	if err != nil {
		log.Fatal(err)
	}
	if *shared {
		save = saveShared(writer)
	}

	list := func(w http.ResponseWriter, r *http.Request) {
		times, err := listTimes(r.Context(), reader)
		if err != nil {
			fail(w, err)
			return
		}
		body, err := json.MarshalIndent(times, "", "  ")
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", list)
	mux.HandleFunc("GET /read", list)
	mux.HandleFunc("GET /write", func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().UTC().Truncate(time.Millisecond)
		if err := save(r.Context(), now); err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "Saved: %s", now.Format(time.DateTime))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ok")
	})
	log.Fatal(http.ListenAndServe(":9090", mux))
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "internal server error", http.StatusInternalServerError)
}
