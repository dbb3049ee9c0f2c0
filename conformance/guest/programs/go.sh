# Debian: golang-go
set -euo pipefail
mkdir /tmp/g
cd /tmp/g
export HOME=/tmp GO111MODULE=off
cat > m.go <<'END'
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

func main() {
	var all sync.WaitGroup
	c := make(chan int, 100)
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func() { defer all.Done(); c <- i }()
	}
	all.Wait()
	close(c)
	sum := 0
	for x := range c {
		sum += x
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "yo") }))
	r, _ := http.Get(s.URL)
	b, _ := io.ReadAll(r.Body)
	fmt.Println(sum, string(b))
}
END
go build m.go
./m | grep '4950 yo'
