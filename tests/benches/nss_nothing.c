/* libnss_nothing.so.2: the least that glibc can ask, a service that knows nobody. The floor of what any other costs. */
#include <grp.h>
#include <nss.h>
#include <pwd.h>

#define NOTHING(NAME, ...)                    \
    enum nss_status NAME(__VA_ARGS__);        \
    enum nss_status NAME(__VA_ARGS__)         \
    {                                         \
        return NSS_STATUS_NOTFOUND;           \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"

NOTHING(_nss_nothing_initgroups_dyn, const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit, int *error)
NOTHING(_nss_nothing_getgrnam_r, const char *name, struct group *found, char *buffer, size_t size, int *error)
NOTHING(_nss_nothing_getgrgid_r, gid_t gid, struct group *found, char *buffer, size_t size, int *error)
NOTHING(_nss_nothing_getpwnam_r, const char *name, struct passwd *found, char *buffer, size_t size, int *error)
NOTHING(_nss_nothing_getpwuid_r, uid_t uid, struct passwd *found, char *buffer, size_t size, int *error)
