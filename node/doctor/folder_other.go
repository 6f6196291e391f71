//go:build !linux

package doctor

import "errors"

// fileSystem is not known on this system.
func fileSystem(string) (string, error) { return "", errors.ErrUnsupported }
