// A log of what programs changed in a folder, and of what they brought to the disk there, for the
// test of power cuts. The shim writes it while it stands before the C library's functions, if the
// environment has H5DCP_SHIM_LOG, the log's name, and H5DCP_SHIM_LOG_FOLDER, the folder: absolute,
// without links. All processes append to one log, in the order in which things happened.
//
// An effect is a line of fields with tabs between: what happened, the node, and these fields.
//
//   write     inode offset nbytes     then the bytes and a newline
//   truncate  inode nbytes            the file has that size now
//   allocate  inode nbytes            the file has that size at least
//   create    inode path              of a file
//   mkdir     inode path
//   rename    from to
//   link      from to
//   unlink    path                    of a file or a folder
//   sync      inode                   fsync or fdatasync, of what that node wrote to the file
//   syncdir   inode                   fsync of a folder
//   syncfs                            all of the file system
//   mark      text                    h5dcp_shim_mark() was called
//
// Each rank counts as a node, with a page cache of its own: fsync does not cover what others wrote.
// sync_file_range is no effect, as it promises nothing.
//
// H5DCP_SHIM_LIE makes calls of fsync a lie, which are not logged: "folder", of folders; "data", of
// data files; "rank 1", of files by that rank.

#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

// Between these two a call is made and its effect logged; nobody else makes or logs one meanwhile.
void effects_begin(void);
void effects_end(void);

// What the call has done, if it succeeded. They keep errno.
void effects_write(int fd, const struct iovec* list, int count, ssize_t moved, off_t at);
void effects_here(int fd, const struct iovec* list, int count, ssize_t moved);  // at the offset
void effects_truncate(int fd, off_t size);
void effects_allocate(int fd, off_t size);
void effects_create(const char* path);  // absolute, as each path below
void effects_mkdir(const char* path);
void effects_names(const char* what, const char* from, const char* to);
void effects_unlink(const char* path);
void effects_sync(int fd);
void effects_syncfs(int fd);
void effects_mark(const char* text);

// Whether anything is logged.
bool effects_are_logged(void);
