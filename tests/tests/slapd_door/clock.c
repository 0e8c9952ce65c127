/* Loaded before libc into jitd alone: its wall clock and its time since the boot, in seconds off by what /run/clock says
   ("WALL BOOT"). Read at each call; without the file both are right. An alarm that it sets by its wrong clock goes off when that clock
   has come so far; it is not told when the clock is set, as a real one would be. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void off(long *wall, long *boot)
{
    *wall = *boot = 0;
    FILE *file = fopen("/run/clock", "re");
    if (file) {
        if (fscanf(file, "%ld %ld", wall, boot) != 2)
            *wall = *boot = 0;
        fclose(file);
    }
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
        return failed;
    long wall, boot;
    off(&wall, &boot);
    at->tv_sec += clock == CLOCK_REALTIME ? wall : boot;
    return 0;
}

int timerfd_settime(int timer, int flags, const struct itimerspec *set, struct itimerspec *was)
{
    struct itimerspec at = *set;
    if ((flags & TFD_TIMER_ABSTIME) && at.it_value.tv_sec) {
        long wall, boot;
        off(&wall, &boot);
        at.it_value.tv_sec = at.it_value.tv_sec > wall ? at.it_value.tv_sec - wall : 1;
    }
    return (int)syscall(SYS_timerfd_settime, timer, flags, &at, was);
}
