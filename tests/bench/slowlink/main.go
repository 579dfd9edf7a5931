// slowlink is a TCP proxy that behaves like a distant server: a delay in both directions, and a rate that all connections
// share from the server to the client.
package main

import (
	"flag"
	"io"
	"net"
	"sync"
	"time"
)

var listen = flag.String("listen", "127.0.0.1:27443", "where to listen")
var target = flag.String("target", "127.0.0.1:26443", "where to connect to")
var rtt = flag.Duration("rtt", 60*time.Millisecond, "round-trip time")
var mbit = flag.Float64("mbit", 50, "rate towards the client in Mbit/s; 0: unlimited")

type pkt struct {
	b  []byte
	at time.Time
}

var mu sync.Mutex
var free time.Time // when the shared pipe is free again

func pipe(dst, src net.Conn, limited bool) {
	ch := make(chan pkt, 64)
	go func() {
		defer close(ch)
		for {
			b := make([]byte, 16<<10)
			n, e := src.Read(b)
			if n > 0 {
				at := time.Now()
				if limited {
					if *mbit > 0 {
						mu.Lock()
						if free.Before(at) {
							free = at
						}
						free = free.Add(time.Duration(float64(n*8) / (*mbit * 1e6) * float64(time.Second)))
						at = free
						mu.Unlock()
						if d := time.Until(at); d > 5*time.Millisecond {
							time.Sleep(d - 5*time.Millisecond) // back pressure: the sender cannot run ahead
						}
					}
				}
				ch <- pkt{b[:n], at.Add(*rtt / 2)}
			}
			if e != nil {
				return
			}
		}
	}()
	for p := range ch {
		time.Sleep(time.Until(p.at))
		if _, e := dst.Write(p.b); e != nil {
			break
		}
	}
	if c, ok := dst.(*net.TCPConn); ok {
		c.CloseWrite()
	}
	io.Copy(io.Discard, src)
}

func main() {
	flag.Parse()
	l, e := net.Listen("tcp", *listen)
	if e != nil {
		panic(e)
	}
	for {
		c, e := l.Accept()
		if e != nil {
			continue
		}
		go func() {
			time.Sleep(*rtt) // SYN, SYN-ACK
			s, e := net.Dial("tcp", *target)
			if e != nil {
				c.Close()
				return
			}
			go pipe(s, c, false)
			pipe(c, s, true)
			c.Close()
			s.Close()
		}()
	}
}
