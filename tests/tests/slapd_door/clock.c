/* Loaded before libc into jitd alone: its wall clock and its time since the boot, in seconds off by what /run/clock says
   ("WALL BOOT"). Read at each call; without the file both are right. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
        return failed;
    long wall = 0, boot = 0;
    FILE *file = fopen("/run/clock", "re");
    if (file) {
        if (fscanf(file, "%ld %ld", &wall, &boot) != 2)
            wall = boot = 0;
        fclose(file);
    }
    at->tv_sec += clock == CLOCK_REALTIME ? wall : boot;
    return 0;
}
