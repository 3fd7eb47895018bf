/* A mount whose server is gone: calls on a path below $LLMCHECK_DEAD_MOUNT do not return. Preloaded into a command.
 * A handler of a signal runs and changes nothing, as in the kernel; only a signal that ends the process ends the wait.
 *
 * With $LLMCHECK_DEAD_COUNT, a file of 8 bytes, it dies later: the file counts the calls of all processes, and those
 * after the first $LLMCHECK_DEAD_AFTER wait; then also those on what is open: read, write, list, sync. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static unsigned long *counter(void) {
    static unsigned long *shared;
    const char *path = getenv("LLMCHECK_DEAD_COUNT");
    if (shared == NULL && path != NULL) {
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        int descriptor = real(path, O_RDWR | O_CLOEXEC);
        if (descriptor < 0) abort();
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        close(descriptor);
    }
    return shared;
}

static void wait_or_count(void) {
    int before = errno;
    unsigned long *count = counter();
    const char *after = getenv("LLMCHECK_DEAD_AFTER");
    errno = before;
    if (count != NULL && __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) <= strtoul(after ? after : "-1", NULL, 10)) return;
    for (;;) pause();
}

static void wait_below(int folder, const char *path) {
    const char *dead = getenv("LLMCHECK_DEAD_MOUNT");
    char full[2 * PATH_MAX], link[64], here[PATH_MAX];
    if (dead == NULL || path == NULL) return;
    if (path[0] == '/') {
        snprintf(full, sizeof full, "%s", path);
    } else {
        if (folder == AT_FDCWD) {
            if (getcwd(here, sizeof here) == NULL) return;
        } else {
            ssize_t (*real)(const char *, char *, size_t) = dlsym(RTLD_NEXT, "readlink");
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t size = real(link, here, sizeof here - 1);
            if (size < 0) return;
            here[size] = 0;
        }
        snprintf(full, sizeof full, "%s/%s", here, path);
    }
    size_t size = strlen(dead);
    if (strncmp(full, dead, size) == 0 && (full[size] == '/' || full[size] == 0)) wait_or_count();
}

/* The same for what is open. Without a count it cannot be: what is open was opened before. */
static void wait_open(int descriptor) {
    const char *dead = getenv("LLMCHECK_DEAD_MOUNT");
    char link[64], full[PATH_MAX];
    if (dead == NULL || getenv("LLMCHECK_DEAD_COUNT") == NULL) return;
    int before = errno;
    ssize_t (*real)(const char *, char *, size_t) = dlsym(RTLD_NEXT, "readlink");
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = real(link, full, sizeof full - 1);
    errno = before;
    if (length < 0) return;
    full[length] = 0;
    size_t size = strlen(dead);
    if (strncmp(full, dead, size) == 0 && (full[size] == '/' || full[size] == 0)) wait_or_count();
}

#define WRAP(result, name, folder, path, parameters, arguments)  \
    result name parameters {                                     \
        result(*real) parameters = dlsym(RTLD_NEXT, #name);      \
        wait_below(folder, path);                                \
        return real arguments;                                   \
    }

#define HERE AT_FDCWD
WRAP(int, stat, HERE, path, (const char *restrict path, struct stat *restrict found), (path, found))
WRAP(int, stat64, HERE, path, (const char *restrict path, struct stat64 *restrict found), (path, found))
WRAP(int, lstat, HERE, path, (const char *restrict path, struct stat *restrict found), (path, found))
WRAP(int, lstat64, HERE, path, (const char *restrict path, struct stat64 *restrict found), (path, found))
WRAP(int, fstatat, folder, path, (int folder, const char *restrict path, struct stat *restrict found, int flags),
     (folder, path, found, flags))
WRAP(int, fstatat64, folder, path, (int folder, const char *restrict path, struct stat64 *restrict found, int flags),
     (folder, path, found, flags))
WRAP(int, statx, folder, path,
     (int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict found),
     (folder, path, flags, mask, found))
WRAP(int, statvfs, HERE, path, (const char *restrict path, struct statvfs *restrict found), (path, found))
WRAP(int, statvfs64, HERE, path, (const char *restrict path, struct statvfs64 *restrict found), (path, found))
WRAP(int, access, HERE, path, (const char *path, int mode), (path, mode))
WRAP(int, faccessat, folder, path, (int folder, const char *path, int mode, int flags), (folder, path, mode, flags))
WRAP(ssize_t, readlink, HERE, path, (const char *restrict path, char *restrict buffer, size_t size),
     (path, buffer, size))
WRAP(ssize_t, readlinkat, folder, path, (int folder, const char *restrict path, char *restrict buffer, size_t size),
     (folder, path, buffer, size))
WRAP(DIR *, opendir, HERE, path, (const char *path), (path))
WRAP(int, rename, HERE, from, (const char *from, const char *to), (from, to))
WRAP(int, unlink, HERE, path, (const char *path), (path))
WRAP(int, unlinkat, folder, path, (int folder, const char *path, int flags), (folder, path, flags))
WRAP(int, rmdir, HERE, path, (const char *path), (path))
WRAP(int, mkdir, HERE, path, (const char *path, mode_t mode), (path, mode))
WRAP(int, chmod, HERE, path, (const char *path, mode_t mode), (path, mode))
WRAP(int, chown, HERE, path, (const char *path, uid_t user, gid_t group), (path, user, group))
WRAP(int, chdir, HERE, path, (const char *path), (path))
WRAP(int, execve, HERE, path, (const char *path, char *const arguments[], char *const environment[]),
     (path, arguments, environment))

#define WRAP_OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                               \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);         \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                          \
        wait_below(AT_FDCWD, path);                                            \
        return real(path, flags, mode);                                        \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name)                                                      \
    int name(int folder, const char *path, int flags, ...) {                   \
        int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name);    \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                          \
        wait_below(folder, path);                                              \
        return real(folder, path, flags, mode);                                \
    }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

#define WRAP_ON(result, name, descriptor, parameters, arguments) \
    result name parameters {                                     \
        result(*real) parameters = dlsym(RTLD_NEXT, #name);      \
        wait_open(descriptor);                                   \
        return real arguments;                                   \
    }
WRAP_ON(ssize_t, read, file, (int file, void *buffer, size_t size), (file, buffer, size))
WRAP_ON(ssize_t, pread, file, (int file, void *buffer, size_t size, off_t at), (file, buffer, size, at))
WRAP_ON(ssize_t, pread64, file, (int file, void *buffer, size_t size, off64_t at), (file, buffer, size, at))
WRAP_ON(ssize_t, write, file, (int file, const void *buffer, size_t size), (file, buffer, size))
WRAP_ON(int, fsync, file, (int file), (file))
WRAP_ON(int, fstat, file, (int file, struct stat *found), (file, found))
WRAP_ON(int, fstat64, file, (int file, struct stat64 *found), (file, found))
WRAP_ON(int, fstatvfs, file, (int file, struct statvfs *found), (file, found))
WRAP_ON(int, fstatvfs64, file, (int file, struct statvfs64 *found), (file, found))
WRAP_ON(struct dirent *, readdir, dirfd(folder), (DIR * folder), (folder))
WRAP_ON(struct dirent64 *, readdir64, dirfd(folder), (DIR * folder), (folder))
