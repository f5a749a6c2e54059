package blob

import "os"

// unsynced is a disk that never syncs, for tests that are about something else.
type unsynced struct{ osDisk }

func (unsynced) syncFile(*os.File) error { return nil }
func (unsynced) syncDir(string) error    { return nil }

// NewUnsynced is NewFile without durability.
func NewUnsynced(dir string) (*File, error) { return newFile(dir, unsynced{}) }
