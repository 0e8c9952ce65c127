/* Times what glibc answers about names: a small C program, as ls, id and sshd are. Each case is a process of its own with a name service
 * of its own (in a mount namespace), and they take turns in blocks, so that whatever else the machine does meets all of them alike.
 *
 *   nametime CPU ROUNDS CASE...
 *
 * CPU    the one to stay on, or `any`.
 * CASE   NAME|SET|HOW|WHAT|WHOM|RANGE|EXPECT|COUNT|BATCH
 *        SET     a directory: its `nsswitch.conf` is that of the process; its `map`, if there, is /run/jitd/pub; unless it has a
 *                file `nscd`, there is no nscd
 *        HOW     warm      in one process, again and again; BATCH in a row are timed together and count as one, per call
 *                replaced  the same, each with a map that has just taken another's place; that itself is not timed
 *                fresh     each in a process that has just been started and never done it before; only the call is timed
 *                whole     each a program from its start to its end, as its parent sees it
 *        WHAT    initgroups (which is getgrouplist), getgrnam, getgrgid, getpwnam, getpwuid; for fresh also load, which is dlopen of
 *                the file WHOM; for whole: id, which is id(1)
 *        WHOM    a name or a number; %d in it is one of RANGE numbers by turns without an order
 *        EXPECT  how many groups, or members, or people; -1 where it is unknown. Anything else ends it all
 *        COUNT   in a block
 *
 * Prints `NAME nanoseconds...`, a line for each block. Exit status 1: an answer was wrong.
 *
 *   nametime once WHAT WHOM EXPECT     what `fresh` starts */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PUB "/run/jitd/pub"
#define MAP PUB "/groups.map"
#define NEXT PUB "/groups.map.next"

enum { CASES = 96, WARM_UP = 16, GROUPS = 256, FIELDS = 9 };

struct name_case {
    const char *name, *set, *how, *what, *whom;
    long range, expect, count, batch;
    int turn, times;
};

static char buffer[1 << 20];
static char (*names)[32];
static uint32_t seed = 2463534242u;
extern char **environ;

static void die(const char *what)
{
    fprintf(stderr, "nametime: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What came of it: how many, or -1 where it is unknown; below that, an error. */
static long once(const char *what, const char *whom)
{
    struct group group, *found;
    struct passwd person, *seen;
    int error;
    if (!strcmp(what, "initgroups")) {
        gid_t groups[GROUPS];
        int count = GROUPS;
        /* The first is the one that is handed in. */
        return getgrouplist(whom, 65000, groups, &count) < 0 ? -2 : count - 1;
    }
    if (!strcmp(what, "load")) return dlopen(whom, RTLD_NOW) ? 0 : -2;
    if (!strncmp(what, "getgr", 5)) {
        error = what[5] == 'n' ? getgrnam_r(whom, &group, buffer, sizeof buffer, &found)
                               : getgrgid_r((gid_t)atol(whom), &group, buffer, sizeof buffer, &found);
        if (error || !found) return error ? -2 : -1;
        long count = 0;
        while (found->gr_mem[count]) count++;
        return count;
    }
    error = what[5] == 'n' ? getpwnam_r(whom, &person, buffer, sizeof buffer, &seen)
                           : getpwuid_r((uid_t)atol(whom), &person, buffer, sizeof buffer, &seen);
    return error ? -2 : seen ? 1 : -1;
}

static void judge(const char *name, const char *whom, long expect, long got)
{
    if (got == expect) return;
    fprintf(stderr, "nametime: %s: about %s: %ld instead of %ld (errno %d) %s\n", name, whom, got, expect, errno,
            got < -1 ? "is an error" : "");
    exit(1);
}

/* Not in an order that a processor could foresee. */
static const char *whom(const struct name_case *c)
{
    if (!c->range) return c->whom;
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return names[seed % (uint32_t)c->range];
}

static void enter(const struct name_case *c)
{
    char from[256];
    struct stat there;
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) die("unshare");
    snprintf(from, sizeof from, "%s/nsswitch.conf", c->set);
    if (mount(from, "/etc/nsswitch.conf", NULL, MS_BIND, NULL)) die(from);
    snprintf(from, sizeof from, "%s/map", c->set);
    if (!stat(from, &there) && mount(from, PUB, NULL, MS_BIND, NULL)) die(from);
    snprintf(from, sizeof from, "%s/nscd", c->set);
    if (stat(from, &there) && mount("none", "/run/nscd", "tmpfs", 0, NULL)) die("/run/nscd");
}

static void write_all(int to, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(to, (const char *)from + done, size - done);
        if (count <= 0) die("write");
        done += (size_t)count;
    }
}

static void read_all(int from, void *to, size_t size, const char *whose)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(from, (char *)to + done, size - done);
        if (count <= 0) {
            /* Its own words are on stderr already. */
            fprintf(stderr, "nametime: %s ended\n", whose);
            exit(1);
        }
        done += (size_t)count;
    }
}

/* As the daemon does it: whole under the next one's name, the old one's word, its place. */
static void replace_map(void)
{
    static char *copy;
    static size_t size;
    static const uint32_t superseded = 1;
    int old = open(MAP, O_RDWR | O_CLOEXEC);
    if (old < 0) die(MAP);
    if (!copy) {
        struct stat there;
        if (fstat(old, &there)) die(MAP);
        size = (size_t)there.st_size;
        copy = malloc(size);
        if (!copy || pread(old, copy, size, 0) != (ssize_t)size) die(MAP);
    }
    int fresh = open(PUB "/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fresh < 0) die(PUB "/new");
    write_all(fresh, copy, size);
    close(fresh);
    if (rename(PUB "/new", NEXT)) die(NEXT);
    if (pwrite(old, &superseded, sizeof superseded, 8) != sizeof superseded) die(MAP);
    close(old);
    if (rename(NEXT, MAP)) die(MAP);
}

/* Starts a program, waits for its end, and returns its exit status; with `said`, eight bytes of what it prints. */
static int started(char *const *line, const char *path, uint64_t *said)
{
    int pipes[2] = { -1, -1 }, status;
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    if (said) {
        if (pipe2(pipes, O_CLOEXEC)) die("pipe2");
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    } else {
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    }
    errno = posix_spawn(&child, path, &actions, NULL, line, environ);
    if (errno) die(path);
    if (said) close(pipes[1]);
    if (said && read(pipes[0], said, sizeof *said) != sizeof *said) *said = 0;
    if (said) close(pipes[0]);
    if (waitpid(child, &status, 0) != child) die("waitpid");
    posix_spawn_file_actions_destroy(&actions);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static uint64_t timed(const struct name_case *c, long batch)
{
    const char *asked = whom(c);
    char expect[24];
    uint64_t took = 0;
    if (!strcmp(c->how, "whole")) {
        char *line[] = { (char *)c->what, (char *)asked, NULL };
        snprintf(expect, sizeof expect, "/usr/bin/%s", c->what);
        uint64_t start = now();
        int status = started(line, expect, NULL);
        took = now() - start;
        judge(c->name, asked, c->expect, status);
        return took;
    }
    if (!strcmp(c->how, "fresh")) {
        snprintf(expect, sizeof expect, "%ld", c->expect);
        char *line[] = { "nametime", "once", (char *)c->what, (char *)asked, expect, NULL };
        int status = started(line, "/proc/self/exe", &took);
        if (status || !took) {
            fprintf(stderr, "nametime: %s: exit status %d\n", c->name, status);
            exit(1);
        }
        return took;
    }
    if (!strcmp(c->how, "replaced")) replace_map();
    uint64_t start = now();
    for (long i = 0; i < batch; i++) {
        judge(c->name, asked, c->expect, once(c->what, asked));
        if (c->range) asked = whom(c);
    }
    took = now() - start;
    return (took + (uint64_t)batch / 2) / (uint64_t)batch;
}

static void work(const struct name_case *c, int turn, int times)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    enter(c);
    if (c->range && !(names = calloc((size_t)c->range, sizeof *names))) die("calloc");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (long i = 0; i < c->range; i++) snprintf(names[i], sizeof *names, c->whom, (int)i);
#pragma GCC diagnostic pop
    uint64_t *block = calloc((size_t)c->count, sizeof *block);
    char mine;
    if (!block) die("calloc");
    int warm = !strcmp(c->how, "warm");
    /* What is asked about many was asked about each of them. */
    for (long i = 0; warm && i < c->range; i++) judge(c->name, names[i], c->expect, once(c->what, names[i]));
    while (read(turn, &mine, 1) == 1) {
        for (int i = 0; i < (warm ? WARM_UP : 2); i++) timed(c, 1);
        for (long i = 0; i < c->count; i++) block[i] = timed(c, c->batch);
        write_all(times, block, (size_t)c->count * sizeof *block);
    }
    _exit(0);
}

static struct name_case parse(char *text)
{
    const char *fields[FIELDS];
    int count = 0;
    for (char *field; (field = strsep(&text, "|"));) {
        if (count < FIELDS) fields[count] = field;
        count++;
    }
    if (count != FIELDS) {
        fprintf(stderr, "nametime: a case has %d fields, not %d\n", FIELDS, count);
        exit(2);
    }
    return (struct name_case){ .name = fields[0], .set = fields[1], .how = fields[2], .what = fields[3], .whom = fields[4],
                               .range = atol(fields[5]), .expect = atol(fields[6]), .count = atol(fields[7]), .batch = atol(fields[8]) };
}

static void start(struct name_case *cases, int count, int which)
{
    int turn[2], times[2];
    if (pipe2(turn, O_CLOEXEC) || pipe2(times, O_CLOEXEC)) die("pipe2");
    pid_t worker = fork();
    if (worker < 0) die("fork");
    if (worker == 0) {
        /* Nobody else's pipes, so that each ends with its parent. */
        for (int i = 0; i < count && i < which; i++) close(cases[i].turn), close(cases[i].times);
        close(turn[1]);
        close(times[0]);
        work(&cases[which], turn[0], times[1]);
    }
    close(turn[0]);
    close(times[1]);
    cases[which].turn = turn[1];
    cases[which].times = times[0];
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "once")) {
        uint64_t start = now();
        long got = once(argv[2], argv[3]);
        uint64_t took = now() - start;
        if (got < -1 && !strcmp(argv[2], "load")) fprintf(stderr, "nametime: %s\n", dlerror());
        judge("once", argv[3], atol(argv[4]), got);
        write_all(1, &took, sizeof took);
        /* Nobody's last words are waited for. */
        _exit(0);
    }
    static struct name_case cases[CASES];
    int count = argc - 3;
    if (count < 1 || count > CASES) {
        fprintf(stderr, "nametime: CPU ROUNDS CASE..., at most %d\n", CASES);
        return 2;
    }
    if (strcmp(argv[1], "any")) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)atoi(argv[1]), &set);
        if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
    }
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < count; i++) cases[i] = parse(argv[i + 3]);
    for (int i = 0; i < count; i++) start(cases, count, i);
    for (long round = 0; round < atol(argv[2]); round++)
        for (int i = 0; i < count; i++) {
            /* Each comes after another one from round to round, half of the time. */
            const struct name_case *c = &cases[round % 2 ? count - 1 - i : i];
            size_t size = (size_t)c->count * sizeof(uint64_t);
            uint64_t *block = malloc(size);
            if (!block || write(c->turn, "", 1) != 1) die(c->name);
            read_all(c->times, block, size, c->name);
            fputs(c->name, stdout);
            for (long j = 0; j < c->count; j++) printf(" %lu", (unsigned long)block[j]);
            puts("");
            free(block);
        }
    return 0;
}
