#define _GNU_SOURCE  // RTLD_NEXT, renameat2, preadv2

#include "shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "effects.h"

// Whoever comes next after us with a function of this name: the C library, or a sanitizer.
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];  // empty while nothing is counted
static enum h5dcp_shim_calls calls;
static enum h5dcp_shim_fault fault;
static long number;  // of the call that is to fail
static long counted;
static bool paused;
static char hit[PATH_MAX + 64];
static long block_bytes;
static char forbidden[96];
static int forbidden_error;
static char dies_after[32];

void h5dcp_shim_arm(const char* in, enum h5dcp_shim_calls which, enum h5dcp_shim_fault what,
                    long call) {
  pthread_mutex_lock(&lock);
  snprintf(folder, sizeof folder, "%s", in);
  calls = which;
  fault = what;
  number = call;
  counted = 0;
  paused = false;
  hit[0] = '\0';
  pthread_mutex_unlock(&lock);
}

long h5dcp_shim_disarm(void) {
  pthread_mutex_lock(&lock);
  folder[0] = '\0';
  pthread_mutex_unlock(&lock);
  return counted;
}

const char* h5dcp_shim_hit(void) {
  return hit;
}

void h5dcp_shim_pause(int pause) {
  pthread_mutex_lock(&lock);
  paused = pause != 0;
  pthread_mutex_unlock(&lock);
}

void h5dcp_shim_forbid(const char* function, int error) {
  pthread_mutex_lock(&lock);
  snprintf(forbidden, sizeof forbidden, "%s", function == NULL ? "" : function);
  forbidden_error = error;
  pthread_mutex_unlock(&lock);
}

void h5dcp_shim_die_after(const char* function) {
  pthread_mutex_lock(&lock);
  snprintf(dies_after, sizeof dies_after, "%s", function);
  pthread_mutex_unlock(&lock);
}

void h5dcp_shim_mark(const char* text) {
  effects_mark(text);
}

void h5dcp_shim_block_bytes(long nbytes) {
  pthread_mutex_lock(&lock);
  block_bytes = nbytes;
  pthread_mutex_unlock(&lock);
}

// A file on what takes itself for Lustre.
struct lustre_file {
  ino_t number;
  bool opened;
  size_t size;
  unsigned char attribute[512];
};
static struct lustre_file lustre_files[256];
static size_t lustre_count;
static struct lustre_file lustre_folder;  // what its files get; without a size there is no Lustre

void h5dcp_shim_lustre(const void* attribute, size_t size) {
  pthread_mutex_lock(&lock);
  lustre_count = 0;
  lustre_folder.size = attribute == NULL ? 0 : size;
  if (attribute != NULL) memcpy(lustre_folder.attribute, attribute, size);
  pthread_mutex_unlock(&lock);
}

static bool lustre_is_stubborn;

void h5dcp_shim_lustre_is_stubborn(int stubborn) {
  pthread_mutex_lock(&lock);
  lustre_is_stubborn = stubborn != 0;
  pthread_mutex_unlock(&lock);
}

static struct lustre_file* lustre_file_of(ino_t number) {
  for (size_t i = 0; i < lustre_count; ++i) {
    if (lustre_files[i].number == number) return &lustre_files[i];
  }
  if (lustre_count == sizeof lustre_files / sizeof lustre_files[0]) {
    fprintf(stderr, "shim: too many files on Lustre\n");
    _exit(86);
  }
  struct lustre_file* file = &lustre_files[lustre_count++];
  memset(file, 0, sizeof *file);
  file->number = number;
  return file;
}

// The number of an earlier file may be used again.
static void lustre_made(const char* path) {
  struct stat status;
  if (lustre_folder.size == 0 || lstat(path, &status) != 0) return;
  pthread_mutex_lock(&lock);
  struct lustre_file* file = lustre_file_of(status.st_ino);
  file->opened = false;
  file->size = 0;
  pthread_mutex_unlock(&lock);
}

static void lustre_opened(int fd) {
  struct stat status;
  if (fd < 0 || lustre_folder.size == 0 || fstat(fd, &status) != 0) return;
  pthread_mutex_lock(&lock);
  struct lustre_file* file = lustre_file_of(status.st_ino);
  file->opened = true;
  if (file->size == 0) {
    file->size = lustre_folder.size;
    memcpy(file->attribute, lustre_folder.attribute, file->size);
  }
  pthread_mutex_unlock(&lock);
}

// Ends everybody who was started with us, whatever process group MPI put them in: the other ranks
// and the launcher, then us. The launcher must have a session of its own, of which the one who made
// it knows the variable: else the shell that runs the tests would die, too.
static void kill_session(void) {
  const pid_t mine = getsid(0);
  if (getenv("H5DCP_SHIM_SESSION") == NULL) {
    fprintf(stderr, "shim: SHIM_KILL needs H5DCP_SHIM_SESSION and a session of its own\n");
    _exit(86);
  }
  DIR* processes = opendir("/proc");
  for (struct dirent* entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
    const pid_t process = (pid_t)atol(entry->d_name);
    if (process > 0 && process != getpid() && getsid(process) == mine) kill(process, SIGKILL);
  }
  kill(getpid(), SIGKILL);
}

static bool is_forbidden(const char* function) {
  const size_t length = strlen(function);
  for (const char* at = forbidden; *at != '\0'; at += strcspn(at, "|"), at += *at == '|') {
    if (strcspn(at, "|") == length && strncmp(at, function, length) == 0) return true;
  }
  return false;
}

static void die_if_after(const char* function) {
  if (strcmp(function, dies_after) == 0) kill_session();
}

static bool is_watched(const char* path) {
  const size_t length = strlen(folder);
  return length > 0 && strncmp(path, folder, length) == 0 &&
         (path[length] == '\0' || path[length] == '/');
}

// Where `path`, seen from the folder `at`, is: its folder without links, and its name as it stands.
static void locate(int at, const char* path, char* out) {
  char text[PATH_MAX];
  if (path[0] == '/' || at == AT_FDCWD) {
    snprintf(text, sizeof text, "%s", path);
  } else {
    snprintf(text, sizeof text, "/proc/self/fd/%d/%s", at, path);
  }
  char* slash = strrchr(text, '/');
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s", slash == NULL ? text : slash + 1);
  if (slash == NULL) {
    strcpy(text, ".");
  } else {
    slash[slash == text ? 1 : 0] = '\0';
  }
  char parent[PATH_MAX];
  out[0] = '\0';
  if (realpath(text, parent) == NULL) return;
  if (snprintf(out, PATH_MAX, "%s/%s", parent, name) >= PATH_MAX) out[0] = '\0';
}

static void locate_open(int fd, char* out) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, out, PATH_MAX - 1);
  out[length > 0 ? length : 0] = '\0';
}

// What is to become of a call.
struct fate {
  int error;  // it fails with this; 0: it is made
  bool half;  // with half of the bytes
  bool last;  // and then we die
};

static struct fate decide(const char* function, const char* path, bool reads) {
  struct fate fate = {0, false, false};
  const int before = errno;
  pthread_mutex_lock(&lock);
  if (is_watched(path)) {
    if (is_forbidden(function)) fate.error = forbidden_error;
    const bool counts = !paused && (calls == SHIM_ALL || !reads);
    if (counts && counted++ == number && fault != SHIM_NONE) {
      snprintf(hit, sizeof hit, "%s %s", function, path);
      if (fault == SHIM_EIO) fate.error = EIO;
      if (fault == SHIM_ENOSPC) fate.error = ENOSPC;
      if (fault == SHIM_EINTR) fate.error = EINTR;
      fate.half = fault == SHIM_SHORT || fault == SHIM_KILL;
      fate.last = fault == SHIM_KILL;
    }
  }
  pthread_mutex_unlock(&lock);
  errno = before;
  return fate;
}

static struct fate decide_fd(const char* function, int fd, bool reads) {
  if (folder[0] == '\0') return (struct fate){0, false, false};
  char path[PATH_MAX];
  const int before = errno;
  locate_open(fd, path);
  errno = before;
  return decide(function, path, reads);
}

static struct fate decide_path(const char* function, int at, const char* name, bool reads) {
  if (folder[0] == '\0') return (struct fate){0, false, false};
  char path[PATH_MAX];
  const int before = errno;
  locate(at, name, path);
  errno = before;
  return decide(function, path, reads);
}

// Dies, fails, or lets the caller go on.
#define SUFFER(decision)                 \
  do {                                   \
    const struct fate decided = decision; \
    if (decided.last) kill_session();    \
    if (decided.error != 0) {            \
      errno = decided.error;             \
      return -1;                         \
    }                                    \
  } while (0)

// A call that moves `size` bytes, of which `call` is given `n`. `effect` logs what it wrote.
#define MOVE(function, fd, size, reads, call, effect)                \
  do {                                                               \
    const struct fate fate = decide_fd(function, fd, reads);         \
    if (fate.error != 0) SUFFER(fate);                               \
    const size_t n = fate.half && (size) > 1 ? (size) / 2 : (size);  \
    if (!(reads)) effects_begin();                                   \
    const ssize_t moved = (call);                                    \
    effect;                                                          \
    if (!(reads)) effects_end();                                     \
    if (fate.last) kill_session();                                   \
    return moved;                                                    \
  } while (0)

#define NO_EFFECT ((void)0)

ssize_t write(int fd, const void* data, size_t size) {
  const struct iovec all = {(void*)data, size};
  MOVE("write", fd, size, false, REAL(write)(fd, data, n), effects_here(fd, &all, 1, moved));
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  const struct iovec all = {(void*)data, size};
  MOVE("pwrite", fd, size, false, REAL(pwrite)(fd, data, n, at),
       effects_write(fd, &all, 1, moved, at));
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  const struct iovec all = {(void*)data, size};
  MOVE("pwrite", fd, size, false, REAL(pwrite64)(fd, data, n, at),
       effects_write(fd, &all, 1, moved, at));
}
ssize_t read(int fd, void* data, size_t size) {
  MOVE("read", fd, size, true, REAL(read)(fd, data, n), NO_EFFECT);
}
ssize_t pread(int fd, void* data, size_t size, off_t at) {
  MOVE("pread", fd, size, true, REAL(pread)(fd, data, n, at), NO_EFFECT);
}
ssize_t pread64(int fd, void* data, size_t size, off64_t at) {
  MOVE("pread", fd, size, true, REAL(pread64)(fd, data, n, at), NO_EFFECT);
}

// The same with a list of ranges, of which `call` is given `count` in `some`.
#define MOVE_LIST(function, fd, list, length, reads, call, effect)         \
  do {                                                                     \
    const struct fate fate = decide_fd(function, fd, reads);               \
    if (fate.error != 0) SUFFER(fate);                                     \
    struct iovec one = {(list)[0].iov_base, (list)[0].iov_len};            \
    if (one.iov_len > 1) one.iov_len /= 2;                                 \
    const struct iovec* some = fate.half && (length) > 0 ? &one : (list);  \
    const int count = fate.half && (length) > 0 ? 1 : (length);            \
    if (!(reads)) effects_begin();                                         \
    const ssize_t moved = (call);                                          \
    effect;                                                                \
    if (!(reads)) effects_end();                                           \
    if (fate.last) kill_session();                                         \
    return moved;                                                          \
  } while (0)

ssize_t writev(int fd, const struct iovec* list, int length) {
  MOVE_LIST("writev", fd, list, length, false, REAL(writev)(fd, some, count),
            effects_here(fd, some, count, moved));
}
ssize_t pwritev(int fd, const struct iovec* list, int length, off_t at) {
  MOVE_LIST("pwritev", fd, list, length, false, REAL(pwritev)(fd, some, count, at),
            effects_write(fd, some, count, moved, at));
}
ssize_t pwritev64(int fd, const struct iovec* list, int length, off64_t at) {
  MOVE_LIST("pwritev", fd, list, length, false, REAL(pwritev64)(fd, some, count, at),
            effects_write(fd, some, count, moved, at));
}
ssize_t readv(int fd, const struct iovec* list, int length) {
  MOVE_LIST("readv", fd, list, length, true, REAL(readv)(fd, some, count), NO_EFFECT);
}
ssize_t preadv(int fd, const struct iovec* list, int length, off_t at) {
  MOVE_LIST("preadv", fd, list, length, true, REAL(preadv)(fd, some, count, at), NO_EFFECT);
}
ssize_t preadv64(int fd, const struct iovec* list, int length, off64_t at) {
  MOVE_LIST("preadv", fd, list, length, true, REAL(preadv64)(fd, some, count, at), NO_EFFECT);
}

static bool only_reads(int flags) {
  return (flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0;
}

static mode_t mode_in(int flags, va_list* more) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(*more, mode_t) : 0;
}

static bool makes_new(int flags) {
  return (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
}

// Opens the file, and logs whether that made it or took its bytes away.
static int open_with_effect(int at, const char* path, int flags, mode_t mode) {
  if (!effects_are_logged() || (flags & (O_CREAT | O_TRUNC)) == 0) {
    return REAL(openat64)(at, path, flags, mode);
  }
  char where[PATH_MAX];
  struct stat status;
  locate(at, path, where);
  effects_begin();
  const bool is_new = lstat(where, &status) != 0;
  const int opened = REAL(openat64)(at, path, flags, mode);
  if (opened >= 0 && is_new) effects_create(where);
  if (opened >= 0 && !is_new && (flags & O_TRUNC) != 0) effects_truncate(opened, 0);
  effects_end();
  return opened;
}

#define OPEN(at)                                                          \
  do {                                                                    \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    const mode_t mode = mode_in(flags, &more);                            \
    va_end(more);                                                         \
    SUFFER(decide_path("open", at, path, only_reads(flags)));             \
    const int opened = open_with_effect(at, path, flags, mode);           \
    if (opened >= 0 && lustre_folder.size > 0) {                          \
      char where[PATH_MAX];                                               \
      locate(at, path, where);                                            \
      if (is_watched(where)) {                                            \
        if (makes_new(flags)) lustre_made(where);                         \
        lustre_opened(opened);                                            \
      }                                                                   \
    }                                                                     \
    return opened;                                                        \
  } while (0)

int open(const char* path, int flags, ...) {
  OPEN(AT_FDCWD);
}
int open64(const char* path, int flags, ...) {
  OPEN(AT_FDCWD);
}
int openat(int at, const char* path, int flags, ...) {
  OPEN(at);
}
int openat64(int at, const char* path, int flags, ...) {
  OPEN(at);
}
int creat(const char* path, mode_t mode) {
  SUFFER(decide_path("creat", AT_FDCWD, path, false));
  return open_with_effect(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  SUFFER(decide_path("creat", AT_FDCWD, path, false));
  return open_with_effect(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

// Whether the call is about stripes in the folder.
static bool is_lustre(const char* path, const char* name) {
  return lustre_folder.size > 0 && strcmp(name, "lustre.lov") == 0 && is_watched(path);
}

int mknod(const char* path, mode_t mode, dev_t device) {
  SUFFER(decide_path("mknod", AT_FDCWD, path, false));
  char where[PATH_MAX];
  locate(AT_FDCWD, path, where);
  effects_begin();
  const int status = REAL(mknod)(path, mode, device);
  if (status == 0) effects_create(where);
  effects_end();
  if (status == 0 && is_watched(where)) lustre_made(where);
  return status;
}

int setxattr(const char* path, const char* name, const void* value, size_t size, int flags) {
  SUFFER(decide_path("setxattr", AT_FDCWD, path, false));
  char where[PATH_MAX];
  locate(AT_FDCWD, path, where);
  struct stat of;
  if (!is_lustre(where, name) || stat(path, &of) != 0) {
    return REAL(setxattr)(path, name, value, size, flags);
  }
  pthread_mutex_lock(&lock);
  struct lustre_file* file = lustre_file_of(of.st_ino);
  if (!file->opened && !lustre_is_stubborn && size <= sizeof file->attribute) {
    file->size = size;
    memcpy(file->attribute, value, size);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

ssize_t fgetxattr(int fd, const char* name, void* value, size_t size) {
  char where[PATH_MAX];
  locate_open(fd, where);
  struct stat of;
  if (!is_lustre(where, name) || fstat(fd, &of) != 0) return REAL(fgetxattr)(fd, name, value, size);
  pthread_mutex_lock(&lock);
  const struct lustre_file* file = lustre_file_of(of.st_ino);
  const size_t has = file->size;
  if (has > 0 && size >= has) memcpy(value, file->attribute, has);
  pthread_mutex_unlock(&lock);
  if (has == 0) errno = ENODATA;
  if (has > 0 && size > 0 && size < has) errno = ERANGE;
  return has == 0 || (size > 0 && size < has) ? -1 : (ssize_t)has;
}

int fstat(int fd, struct stat* status) {
  const int done = REAL(fstat)(fd, status);
  if (done != 0 || block_bytes == 0) return done;
  char where[PATH_MAX];
  locate_open(fd, where);
  if (is_watched(where)) status->st_blksize = block_bytes;
  return done;
}

// Makes a call that returns 0 if it succeeds, and then logs `effect`.
#define WITH_EFFECT(call, effect) \
  do {                            \
    effects_begin();              \
    const int done = (call);      \
    if (done == 0) effect;        \
    effects_end();                \
    return done;                  \
  } while (0)

int fsync(int fd) {
  struct stat status;
  const bool of_folder = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  SUFFER(decide_fd(of_folder ? "fsync of a folder" : "fsync", fd, false));
  WITH_EFFECT(REAL(fsync)(fd), effects_sync(fd));
}
int fdatasync(int fd) {
  SUFFER(decide_fd("fdatasync", fd, false));
  WITH_EFFECT(REAL(fdatasync)(fd), effects_sync(fd));
}
int syncfs(int fd) {
  SUFFER(decide_fd("syncfs", fd, false));
  WITH_EFFECT(REAL(syncfs)(fd), effects_syncfs(fd));
}
int ftruncate(int fd, off_t size) {
  SUFFER(decide_fd("ftruncate", fd, false));
  WITH_EFFECT(REAL(ftruncate)(fd, size), effects_truncate(fd, size));
}
int ftruncate64(int fd, off64_t size) {
  SUFFER(decide_fd("ftruncate", fd, false));
  WITH_EFFECT(REAL(ftruncate64)(fd, size), effects_truncate(fd, size));
}
int fallocate(int fd, int mode, off_t at, off_t size) {
  SUFFER(decide_fd("fallocate", fd, false));
  WITH_EFFECT(REAL(fallocate)(fd, mode, at, size), effects_allocate(fd, at + size));
}
int fallocate64(int fd, int mode, off64_t at, off64_t size) {
  SUFFER(decide_fd("fallocate", fd, false));
  WITH_EFFECT(REAL(fallocate64)(fd, mode, at, size), effects_allocate(fd, at + size));
}

// Fails if `function`, which is not counted, is forbidden for `path`.
static bool fails_uncounted(const char* function, const char* path) {
  const bool fails = is_watched(path) && is_forbidden(function);
  if (fails) errno = forbidden_error;
  return fails;
}

int lstat(const char* path, struct stat* status) {
  if (folder[0] != '\0') {
    char where[PATH_MAX];
    locate(AT_FDCWD, path, where);
    if (fails_uncounted("lstat", where)) return -1;
  }
  return REAL(lstat)(path, status);
}

static bool lock_fails(int fd, int command) {
  if (folder[0] == '\0' || command != F_OFD_SETLK) return false;
  char where[PATH_MAX];
  locate_open(fd, where);
  return fails_uncounted("fcntl lock", where);
}
int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* const argument = va_arg(more, void*);
  va_end(more);
  return lock_fails(fd, command) ? -1 : REAL(fcntl)(fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* const argument = va_arg(more, void*);
  va_end(more);
  return lock_fails(fd, command) ? -1 : REAL(fcntl64)(fd, command, argument);
}

// Makes a call that changes names, logs `effect` if it succeeds, and dies then if it is to.
#define CHANGE_NAMES(function, call, effect) \
  do {                                       \
    effects_begin();                         \
    const int done = (call);                 \
    if (done == 0) effect;                   \
    effects_end();                           \
    if (done == 0) die_if_after(function);   \
    return done;                             \
  } while (0)

// A call with two names counts by the second, which is the one that changes hands.
#define CHANGE_TWO(function, what, from_at, from, to_at, to, call)        \
  do {                                                                    \
    SUFFER(decide_path(function, to_at, to, false));                      \
    char first[PATH_MAX];                                                 \
    char second[PATH_MAX];                                                \
    locate(from_at, from, first);                                         \
    locate(to_at, to, second);                                            \
    CHANGE_NAMES(function, call, effects_names(what, first, second));     \
  } while (0)

static int rename_in_log(const char* from, const char* to) {
  CHANGE_TWO("rename", "rename", AT_FDCWD, from, AT_FDCWD, to, REAL(rename)(from, to));
}
int rename(const char* from, const char* to) {
  char where[PATH_MAX];
  locate(AT_FDCWD, to, where);
  const int status = rename_in_log(from, to);
  return status == 0 && fails_uncounted("answer of rename", where) ? -1 : status;
}
int renameat(int from_at, const char* from, int to_at, const char* to) {
  CHANGE_TWO("rename", "rename", from_at, from, to_at, to,
             REAL(renameat)(from_at, from, to_at, to));
}
int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  CHANGE_TWO("renameat2", "rename", from_at, from, to_at, to,
             REAL(renameat2)(from_at, from, to_at, to, flags));
}
int link(const char* from, const char* to) {
  CHANGE_TWO("link", "link", AT_FDCWD, from, AT_FDCWD, to, REAL(link)(from, to));
}
int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
  CHANGE_TWO("link", "link", from_at, from, to_at, to,
             REAL(linkat)(from_at, from, to_at, to, flags));
}

#define CHANGE_ONE(function, at, path, call, effect)  \
  do {                                                \
    SUFFER(decide_path(function, at, path, false));   \
    char where[PATH_MAX];                             \
    locate(at, path, where);                          \
    CHANGE_NAMES(function, call, effect(where));      \
  } while (0)

int mkdir(const char* path, mode_t mode) {
  CHANGE_ONE("mkdir", AT_FDCWD, path, REAL(mkdir)(path, mode), effects_mkdir);
}
int rmdir(const char* path) {
  CHANGE_ONE("unlink", AT_FDCWD, path, REAL(rmdir)(path), effects_unlink);
}
int unlink(const char* path) {
  CHANGE_ONE("unlink", AT_FDCWD, path, REAL(unlink)(path), effects_unlink);
}
int unlinkat(int at, const char* path, int flags) {
  CHANGE_ONE("unlink", at, path, REAL(unlinkat)(at, path, flags), effects_unlink);
}
int remove(const char* path) {
  CHANGE_ONE("unlink", AT_FDCWD, path, REAL(remove)(path), effects_unlink);
}

int memfd_create(const char* name, unsigned flags) {
  if (is_forbidden("memfd_create")) {
    errno = forbidden_error;
    return -1;
  }
  return REAL(memfd_create)(name, flags);
}
