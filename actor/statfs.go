package actor

import "golang.org/x/sys/unix"

// FreeSpace is how many bytes of the file system of path are free to a process
// without privileges.
func FreeSpace(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}
