// Command slow-mount shows a directory at another place, where each call takes a while longer, as over a network:
//
//	slow-mount DELAY DIRECTORY MOUNTPOINT
//
// Attributes and names are kept by the kernel for three seconds, as an NFS client does (nfs(5), acregmin), and those
// of a directory's entries come with its list (READDIRPLUS). It ends when it's unmounted, or on SIGTERM.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const kept = 3 * time.Second

type slow struct {
	fuse.RawFileSystem
	delay time.Duration
}

func (s slow) Lookup(c <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Lookup(c, h, name, out)
}

func (s slow) GetAttr(c <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.GetAttr(c, in, out)
}

func (s slow) Statx(c <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Statx(c, in, out)
}

func (s slow) Open(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Open(c, in, out)
}

func (s slow) Read(c <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	time.Sleep(s.delay)
	return s.RawFileSystem.Read(c, in, buf)
}

func (s slow) OpenDir(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.OpenDir(c, in, out)
}

func (s slow) ReadDir(c <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.ReadDir(c, in, out)
}

func (s slow) ReadDirPlus(c <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.ReadDirPlus(c, in, out)
}

func (s slow) Readlink(c <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	time.Sleep(s.delay)
	return s.RawFileSystem.Readlink(c, h)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "slow-mount:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("it takes DELAY DIRECTORY MOUNTPOINT")
	}
	delay, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	root, err := fs.NewLoopbackRoot(args[1])
	if err != nil {
		return err
	}
	timeout := kept
	names := fs.NewNodeFS(root, &fs.Options{EntryTimeout: &timeout, AttrTimeout: &timeout})
	options := &fuse.MountOptions{
		FsName:      "slow-mount",
		DirectMount: true,
		// Reading ahead counts as background work, of which no more than this is done at once.
		MaxBackground: 256,
		DisableXAttrs: true,
	}
	server, err := fuse.NewServer(slow{names, delay}, args[2], options)
	if err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for range ended {
			if server.Unmount() != nil {
				// Somebody still has a file of it open; it goes with the last one.
				syscall.Unmount(args[2], syscall.MNT_DETACH)
			}
		}
	}()
	server.Serve()
	return nil
}
