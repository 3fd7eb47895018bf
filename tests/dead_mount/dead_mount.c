/* A mount whose server is gone: calls on a path below $LLMCHECK_DEAD_MOUNT do not return. Preloaded into a command.
 * A handler of a signal runs and changes nothing, as in the kernel; only a signal that ends the process ends the wait. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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
    if (strncmp(full, dead, size) == 0 && (full[size] == '/' || full[size] == 0))
        for (;;) pause();
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
