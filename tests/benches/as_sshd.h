/* What a program needs to be taken for sshd by PAM modules: a clock, and a handle as sshd makes it. For both pamtime and pamsessions. */
#ifndef AS_SSHD_H
#define AS_SSHD_H
#include <errno.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(2);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Texts are what a denied person would read: kept for the report of a wrong code. */
static char said[1024];

static int conversation(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    (void)data;
    if (count > 0) snprintf(said, sizeof said, "%s", messages[0]->msg);
    *responses = calloc((size_t)count, sizeof **responses);
    return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static const struct pam_conv CONVERSATION = { conversation, NULL };

/* A handle of service sshd of a directory; NULL, with the code, when there is none. */
static pam_handle_t *sshd(const char *directory, const char *user, int *code)
{
    pam_handle_t *handle = NULL;
    *code = pam_start_confdir("sshd", user, &CONVERSATION, directory, &handle);
    if (*code != PAM_SUCCESS) return NULL;
    /* What sshd always says. */
    pam_set_item(handle, PAM_RHOST, "192.0.2.7");
    pam_set_item(handle, PAM_TTY, "ssh");
    return handle;
}
#endif
