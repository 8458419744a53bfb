#define _GNU_SOURCE

#include "effects.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The log is written by system calls, as the C library's functions are the shim's.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char* folder;
static int node;

static void set_up(void) {
  const char* name = getenv("H5DCP_SHIM_LOG");
  folder = getenv("H5DCP_SHIM_LOG_FOLDER");
  if (name == NULL || folder == NULL) return;
  const char* rank = getenv("OMPI_COMM_WORLD_RANK");
  if (rank == NULL) rank = getenv("PMI_RANK");
  node = rank == NULL ? 0 : atoi(rank);
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

bool effects_are_logged(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, set_up);
  return log_fd >= 0;
}

void effects_begin(void) {
  if (!effects_are_logged()) return;
  const int before = errno;
  pthread_mutex_lock(&lock);
  while (syscall(SYS_flock, log_fd, LOCK_EX) != 0 && errno == EINTR) continue;
  errno = before;
}

void effects_end(void) {
  if (!effects_are_logged()) return;
  const int before = errno;
  syscall(SYS_flock, log_fd, LOCK_UN);
  pthread_mutex_unlock(&lock);
  errno = before;
}

static void put(const void* data, size_t size) {
  const char* next = data;
  while (size > 0) {
    const long count = syscall(SYS_write, log_fd, next, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      static const char lost[] = "shim: the log of effects cannot be written\n";
      syscall(SYS_write, 2, lost, sizeof lost - 1);
      _exit(86);
    }
    next += count;
    size -= (size_t)count;
  }
}

__attribute__((format(printf, 1, 2))) static void put_line(const char* format, ...) {
  char line[3 * PATH_MAX];
  va_list fields;
  va_start(fields, format);
  const int length = vsnprintf(line, sizeof line, format, fields);
  va_end(fields);
  put(line, (size_t)length);
}

static bool is_inside(const char* path) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool path_of(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = '\0';
  return is_inside(path);
}

static unsigned long inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

static unsigned long inode_at(const char* path) {
  struct stat status;
  return lstat(path, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

// Begins a function that logs something of the open file `fd`, and ends it.
#define OF_FILE(fd)                          \
  const int before = errno;                  \
  char path[PATH_MAX];                       \
  if (!effects_are_logged() || !path_of(fd, path)) { \
    errno = before;                          \
    return;                                  \
  }
#define DONE errno = before

void effects_write(int fd, const struct iovec* list, int count, ssize_t moved, off_t at) {
  if (moved <= 0) return;
  OF_FILE(fd);
  put_line("write\t%d\t%lu\t%ld\t%zd\n", node, inode_of(fd), (long)at, moved);
  size_t left = (size_t)moved;
  for (int i = 0; i < count && left > 0; ++i) {
    const size_t size = list[i].iov_len < left ? list[i].iov_len : left;
    put(list[i].iov_base, size);
    left -= size;
  }
  put("\n", 1);
  DONE;
}

void effects_here(int fd, const struct iovec* list, int count, ssize_t moved) {
  if (moved <= 0) return;
  OF_FILE(fd);
  effects_write(fd, list, count, moved, lseek(fd, 0, SEEK_CUR) - moved);
  DONE;
}

void effects_truncate(int fd, off_t size) {
  OF_FILE(fd);
  put_line("truncate\t%d\t%lu\t%ld\n", node, inode_of(fd), (long)size);
  DONE;
}

void effects_allocate(int fd, off_t size) {
  OF_FILE(fd);
  put_line("allocate\t%d\t%lu\t%ld\n", node, inode_of(fd), (long)size);
  DONE;
}

static void put_new(const char* what, const char* path) {
  if (!effects_are_logged() || !is_inside(path)) return;
  const int before = errno;
  put_line("%s\t%d\t%lu\t%s\n", what, node, inode_at(path), path);
  DONE;
}

void effects_create(const char* path) {
  put_new("create", path);
}

void effects_mkdir(const char* path) {
  put_new("mkdir", path);
}

void effects_names(const char* what, const char* from, const char* to) {
  if (!effects_are_logged() || !is_inside(to)) return;
  put_line("%s\t%d\t%s\t%s\n", what, node, from, to);
}

void effects_unlink(const char* path) {
  if (!effects_are_logged() || !is_inside(path)) return;
  put_line("unlink\t%d\t%s\n", node, path);
}

static bool is_lie(bool of_folder, const char* path) {
  const char* lie = getenv("H5DCP_SHIM_LIE");
  if (lie == NULL) return false;
  if (strcmp(lie, "folder") == 0) return of_folder;
  if (strcmp(lie, "data") == 0) return !of_folder && strstr(path, ".data/") != NULL;
  return !of_folder && strncmp(lie, "rank ", 5) == 0 && atoi(lie + 5) == node;
}

void effects_sync(int fd) {
  OF_FILE(fd);
  struct stat status;
  if (fstat(fd, &status) == 0 && !is_lie(S_ISDIR(status.st_mode), path)) {
    put_line("%s\t%d\t%lu\n", S_ISDIR(status.st_mode) ? "syncdir" : "sync", node,
             (unsigned long)status.st_ino);
  }
  DONE;
}

void effects_syncfs(int fd) {
  OF_FILE(fd);
  put_line("syncfs\t%d\n", node);
  DONE;
}

void effects_mark(const char* text) {
  if (!effects_are_logged()) return;
  effects_begin();
  put_line("mark\t%d\t%s\n", node, text);
  effects_end();
}
