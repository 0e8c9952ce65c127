/* Times PAM's account phase as a login program has it: a small C program, as sshd and sudo are, without Rust's runtime or
 * libgcc_s in it before the module brings them. Cases take turns in blocks, so that whatever else the machine does meets all
 * of them alike.
 *
 *   pamtime CPU BLOCKS MODE CASE...
 *
 * CPU     the one to stay on, or `any`.
 * MODE    acct   only pam_acct_mgmt is timed, on a fresh handle each time; the modules stay loaded
 *         whole  pam_start, pam_acct_mgmt and pam_end are timed; the modules are loaded and unloaded each time
 *         fresh  the same in a forked child that has never done it before, as sshd and sudo do; the fork is not timed
 * CASE    NAME:pam:DIRECTORY:USER:CODE:COUNT     service sshd of DIRECTORY; any other code than CODE ends it all
 *         NAME:echo:DIRECTORY:USER:CODE:COUNT:ASKED:ANSWERED
 *                                                the same and then connect, send, receive, close over a Unix socket, so many
 *                                                bytes each way, against a server that does nothing else
 *
 * Prints `NAME nanoseconds...`, a line for each block. Exit status 1: somebody got in, or did not, who should not have. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "as_sshd.h"

enum { CASES = 16, WARM_UP = 3 };

struct pam_case {
    const char *name, *directory, *user;
    int code;
    size_t asked, answered;
    long count;
    pam_handle_t *held;
    char socket[64];
    pid_t server;
};

static pam_handle_t *begin(const struct pam_case *c)
{
    int code;
    pam_handle_t *handle = sshd(c->directory, c->user, &code);
    if (!handle) {
        fprintf(stderr, "pamtime: %s: pam_start: %d\n", c->name, code);
        exit(2);
    }
    return handle;
}

static void judge(const struct pam_case *c, int code)
{
    if (code == c->code) return;
    fprintf(stderr, "pamtime: %s: %s got PAM code %d instead of %d (%s) %s\n", c->name, c->user, code, c->code,
            pam_strerror(NULL, code), said);
    exit(1);
}

static void all(int socket, char *buffer, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t count = recv(socket, buffer + have, size - have, 0);
        if (count <= 0) die("recv");
        have += (size_t)count;
    }
}

static void serve(int listener, const struct pam_case *c)
{
    static char buffer[65536];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket < 0) continue;
        all(socket, buffer, c->asked);
        send(socket, buffer, c->answered, MSG_NOSIGNAL);
        close(socket);
    }
}

static struct sockaddr_un address(const struct pam_case *c)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%s", c->socket);
    return a;
}

static void start_server(struct pam_case *c)
{
    snprintf(c->socket, sizeof c->socket, "/run/pamtime.%d.%s", (int)getpid(), c->name);
    struct sockaddr_un a = address(c);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 64)) die("listen");
    c->server = fork();
    if (c->server < 0) die("fork");
    if (c->server == 0) serve(listener, c);
    close(listener);
}

static void exchange(const struct pam_case *c)
{
    static char buffer[65536];
    struct sockaddr_un a = address(c);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&a, sizeof a)) die("connect");
    if (send(connection, buffer, c->asked, MSG_NOSIGNAL) != (ssize_t)c->asked) die("send");
    all(connection, buffer, c->answered);
    close(connection);
}

static uint64_t account_only(const struct pam_case *c)
{
    pam_handle_t *handle = begin(c);
    uint64_t start = now();
    int code = pam_acct_mgmt(handle, 0);
    if (c->server) exchange(c);
    uint64_t end = now();
    pam_end(handle, code);
    judge(c, code);
    return end - start;
}

static uint64_t whole(const struct pam_case *c)
{
    uint64_t start = now();
    pam_handle_t *handle = begin(c);
    int code = pam_acct_mgmt(handle, 0);
    if (c->server) exchange(c);
    pam_end(handle, code);
    uint64_t end = now();
    judge(c, code);
    return end - start;
}

static uint64_t fresh(const struct pam_case *c)
{
    static volatile uint64_t *shared;
    if (!shared) {
        shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED) die("mmap");
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        *shared = whole(c);
        _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status)) exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
    return *shared;
}

static struct pam_case parse(char *text)
{
    struct pam_case c = { .name = strsep(&text, ":") };
    const char *words[7] = { 0 };
    size_t count = 0;
    while (text && count < 7) words[count++] = strsep(&text, ":");
    errno = EINVAL;
    int is_pam = count == 5 && !strcmp(words[0], "pam"), is_echo = count == 7 && !strcmp(words[0], "echo");
    if (text || !(is_pam || is_echo)) die("case");
    c.directory = words[1], c.user = words[2], c.code = atoi(words[3]), c.count = atol(words[4]);
    if (count == 7) {
        c.asked = strtoul(words[5], NULL, 10), c.answered = strtoul(words[6], NULL, 10);
        if (c.asked == 0 || c.answered == 0 || c.asked > 65536 || c.answered > 65536) die("sizes");
    }
    return c;
}

int main(int argc, char **argv)
{
    static struct pam_case cases[CASES];
    errno = EINVAL;
    if (argc < 5 || argc - 4 > CASES) die("usage: pamtime CPU BLOCKS acct|whole|fresh CASE...");
    if (strcmp(argv[1], "any")) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)atoi(argv[1]), &set);
        if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
    }
    const char *mode = argv[3];
    uint64_t (*pam)(const struct pam_case *) = !strcmp(mode, "acct") ? account_only : !strcmp(mode, "whole") ? whole : fresh;
    int count = argc - 4;
    long most = 0;
    for (int i = 0; i < count; i++) {
        cases[i] = parse(argv[i + 4]);
        if (cases[i].count > most) most = cases[i].count;
        if (cases[i].asked) start_server(&cases[i]);
        if (pam == account_only) {
            cases[i].held = begin(&cases[i]);
            judge(&cases[i], pam_acct_mgmt(cases[i].held, 0));
        }
    }
    uint64_t *times = calloc((size_t)most, sizeof *times);
    if (!times) die("calloc");
    for (long block = 0; block < atol(argv[2]); block++)
        for (int i = 0; i < count; i++) {
            const struct pam_case *c = &cases[i];
            for (int n = 0; n < WARM_UP; n++) pam(c);
            for (long n = 0; n < c->count; n++) times[n] = pam(c);
            printf("%s", c->name);
            for (long n = 0; n < c->count; n++) printf(" %llu", (unsigned long long)times[n]);
            printf("\n");
        }
    for (int i = 0; i < count; i++) {
        if (cases[i].held) pam_end(cases[i].held, PAM_SUCCESS);
        if (cases[i].server) kill(cases[i].server, SIGKILL), waitpid(cases[i].server, NULL, 0), unlink(cases[i].socket);
    }
    return 0;
}
