// The etcd server, built from a pinned module: a control plane for tests needs nothing else of etcd.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
