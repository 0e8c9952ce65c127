/* Many sessions, as sshd would have them: each a process of its own, leading a session of its own, that asks PAM's account
 * phase, opens PAM's session, and stays until it is signalled. A small C program, because that is what sshd is.
 *
 *   pamsessions DIRECTORY COUNT USER...
 *
 * Service sshd of DIRECTORY; the users take turns. They come in one after the other, so that what is timed is the phase alone.
 *
 * Prints, in nanoseconds, a line `PID FIRST AGAIN OPEN` for each session: the account phase with its modules being loaded, the
 * account phase once more, the opening. Then a line `ready`. Reaps whoever ends, and ends with the last. Exit status 1: somebody
 * could not come in. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "as_sshd.h"

struct result {
    uint64_t first, again, open;
    int code;
    char said[sizeof said];
};

static struct result result;

static void come_in(const char *directory, const char *user)
{
    pam_handle_t *handle = sshd(directory, user, &result.code);
    if (!handle) return;
    uint64_t start = now();
    result.code = pam_acct_mgmt(handle, 0);
    uint64_t second = now();
    if (result.code == PAM_SUCCESS) result.code = pam_acct_mgmt(handle, 0);
    uint64_t third = now();
    if (result.code == PAM_SUCCESS) result.code = pam_open_session(handle, 0);
    uint64_t end = now();
    result.first = second - start, result.again = third - second, result.open = end - third;
}

int main(int argc, char **argv)
{
    errno = EINVAL;
    if (argc < 4) die("usage: pamsessions DIRECTORY COUNT USER...");
    long count = atol(argv[2]);
    for (long n = 0; n < count; n++) {
        int pipes[2];
        if (pipe(pipes)) die("pipe");
        const char *user = argv[3 + n % (argc - 3)];
        fflush(NULL);
        pid_t child = fork();
        if (child < 0) die("fork");
        if (child == 0) {
            setsid();
            prctl(PR_SET_NAME, "sshd");
            close(pipes[0]);
            come_in(argv[1], user);
            memcpy(result.said, said, sizeof said);
            if (write(pipes[1], &result, sizeof result) != sizeof result) _exit(2);
            close(pipes[1]);
            if (result.code != PAM_SUCCESS) _exit(1);
            for (;;) pause();
        }
        close(pipes[1]);
        struct result its;
        if (read(pipes[0], &its, sizeof its) != sizeof its) die("a session ended before it began");
        close(pipes[0]);
        if (its.code != PAM_SUCCESS) {
            fprintf(stderr, "pamsessions: %s: PAM code %d (%s) %s\n", user, its.code, pam_strerror(NULL, its.code), its.said);
            exit(1);
        }
        printf("%d %llu %llu %llu\n", (int)child, (unsigned long long)its.first, (unsigned long long)its.again,
               (unsigned long long)its.open);
    }
    printf("ready\n");
    fflush(stdout);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
    return 0;
}
