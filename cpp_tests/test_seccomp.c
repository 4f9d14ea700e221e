/* Two processes under seccomp filters that permit the calls of docs/SECCOMP.md and no other: they open, write, wait, lose each
 * other, reconnect, poll, call handlers and close. A call beyond the list ends the process with SIGSYS. Then the same where
 * what may be refused is refused. */
#define _GNU_SOURCE
#include "child.h"
#include "descriptor.h"
#include "eshm_rpc.h"
#include "open_ex.h"
#include "seccomp_calls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

/* What the program itself calls here, beside the list. */
static const int own_calls[] = {SYS_exit_group, SYS_clock_nanosleep, SYS_nanosleep, SYS_rt_sigreturn};
enum { OWN_CALLS = sizeof own_calls / sizeof own_calls[0], LARGE = 3 << 20 };

/* From now on this process and its threads may make the listed calls; `error` is what those get that may be refused, or 0. */
static void restrict_calls(uint32_t error) {
    struct sock_filter filter[2 * (CALLS + OWN_CALLS) + 2];
    unsigned short count = 0;
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS + OWN_CALLS; i++) {
        const bool own = i >= CALLS;
        const enum Refusal refusal = own ? NEVER : calls[i].refusal;
        const bool refused = refusal == MAY_BE_REFUSED || (refusal == ENOSYS_ALONE && error == ENOSYS);
        const uint32_t answer = error != 0 && refused ? SECCOMP_RET_ERRNO | error : SECCOMP_RET_ALLOW;
        const uint32_t number = (uint32_t)(own ? own_calls[i - CALLS] : calls[i].number);
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    const struct sock_fprog program = {count, filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void answer(void* user) {
    event_signal(((Scene*)user)->ready);
}

/* The master of both channels: says a word a millisecond until it is told to end, or is killed. */
static void master(Scene* scene) {
    restrict_calls(scene->size);
    ESHMOptions options = eshm_default_options();
    options.mode = 0600;
    options.capacity = scene->role; /* the second master's is another */
    ESHMHandle* handle = open_ex(scene->name, ESHM_ROLE_MASTER, &options);
    EshmRpc* rpc = eshm_rpc_create(scene->name, ESHM_ROLE_MASTER);
    CHECK(rpc != NULL);
    while (!event_pending(scene->go)) {
        send_text(handle, "word");
        CHECK_EQ(eshm_rpc_call(rpc, "answer"), ESHM_SUCCESS);
        char heard[16];
        (void)eshm_read_ex(handle, heard, sizeof heard, NULL, 1);
    }
    eshm_rpc_destroy(rpc);
    close_end(handle);
}

static void expect_words(ESHMHandle* handle, int fd) {
    expect_text(handle, "word");
    CHECK(readable_within(fd, PATIENCE_MS)); /* the next one */
    send_text(handle, "heard");
    expect_text(handle, "word");
}

static void slave(Scene* scene) {
    restrict_calls(scene->size);
    ESHMConfig config = settings(scene->name, ESHM_ROLE_SLAVE);
    ESHMOptions options = eshm_default_options();
    options.wait_for_master_ms = PATIENCE_MS;
    ESHMHandle* handle = eshm_init_ex(&config, &options);
    CHECK(handle != NULL);
    const int fd = fd_of(handle);
    expect_words(handle, fd);
    EshmRpc* rpc = eshm_rpc_create(scene->name, ESHM_ROLE_SLAVE);
    CHECK(rpc != NULL);
    CHECK_EQ(eshm_rpc_on_call(rpc, "answer", answer, scene), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    event_wait(scene->gate); /* the master has been killed */
    CHECK_WITHIN(PATIENCE_MS, detached(handle));
    event_send(scene->ready, 'd');
    CHECK_WITHIN(PATIENCE_MS, !detached(handle));
    (void)readable(fd);
    expect_words(handle, fd);
    eshm_rpc_destroy(rpc);
    close_end(handle);

    /* One of its own: large, without threads, and the error of an opening. */
    CHECK(try_open(scene->text, ESHM_ROLE_SLAVE, NULL) == NULL);
    options = eshm_default_options();
    options.capacity = LARGE;
    options.huge_pages = true;
    ESHMHandle* large = open_ex(scene->text, ESHM_ROLE_MASTER, &options);
    config = settings(scene->text, ESHM_ROLE_SLAVE);
    config.use_threads = false;
    ESHMHandle* other = open_with(&config);
    send_text(large, "large");
    expect_text(other, "large");
    close_end(other);
    close_end(large);
}

static void end_well(pid_t child) {
    const int status = child_wait(child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        check_fail(__FILE__, __LINE__, "a system call that docs/SECCOMP.md does not list (strace -f tells which)");
    }
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* A pair under filters that refuse with `error` what may be refused; with 0 nothing of the list. */
static void pair_under(uint32_t error) {
    Scene scene = scene_new("seccomp");
    char control[300];
    snprintf(control, sizeof control, "%s_ctl", scene.name);
    segment_adopt(control);
    snprintf(scene.text, sizeof scene.text, "%s", segment_name("seccomp_own"));
    scene.size = error;
    scene.role = ESHM_MAX_DATA_SIZE;
    const pid_t first = CHILD_START(master, &scene);
    const pid_t second = CHILD_START(slave, &scene);
    event_wait(scene.ready); /* a handler has run */
    child_crash(first);
    event_signal(scene.gate);
    while (event_receive(scene.ready) != 'd') continue; /* before it, what handlers have signalled */
    scene.role = ESHM_MAX_DATA_SIZE * 2;
    const pid_t next = CHILD_START(master, &scene);
    end_well(second);
    event_signal(scene.go);
    end_well(next);
    CHECK_EQ(segment_inode(scene.name), 0);
    scene_free(scene);
}

static void the_listed_calls_are_all_it_needs(void) {
    pair_under(0);
}

static void what_may_be_refused_with_eperm_is_done_without(void) {
    pair_under(EPERM);
}

static void what_may_be_refused_with_enosys_is_done_without(void) {
    pair_under(ENOSYS);
}

static const char* document;

static const char* refusal_text(enum Refusal refusal) {
    return refusal == NEVER ? "needed" : refusal == ENOSYS_ALONE ? "ENOSYS" : "optional";
}

/* Each call has a row, "| `name` | needed |", and no row has another. */
static void the_document_lists_them(void) {
    FILE* file = fopen(document, "r");
    CHECK(file != NULL);
    char line[1024], name[64], refusal[64];
    bool listed[CALLS] = {false};
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "| `%63[a-z0-9_]` | %63[a-zA-Z] |", name, refusal) != 2) continue;
        const bool other_machine = strstr(line, "(aarch64)") != NULL || strstr(line, "(x86-64)") != NULL;
        int at = 0;
        while (at < CALLS && strcmp(calls[at].name, name) != 0) at++;
        if (at == CALLS && other_machine) continue;
        printf("    %s: %s\n", name, refusal);
        CHECK(at < CALLS);
        CHECK_TEXT(refusal, refusal_text(calls[at].refusal));
        listed[at] = true;
    }
    fclose(file);
    for (int i = 0; i < CALLS; i++)
        if (!listed[i]) check_fail(__FILE__, __LINE__, calls[i].name);
}

static const ChildBody bodies[] = {CHILD_BODY(master), CHILD_BODY(slave)};

int main(int argc, char** argv) {
    CHILD_MAIN(argc, argv, bodies);
    CHECK_EQ(argc, 2);
    document = argv[1];
    if (prctl(PR_GET_SECCOMP) < 0) {
        printf("SKIPPED: this kernel has no seccomp\n");
        return 77;
    }
    RUN(the_document_lists_them);
    RUN(the_listed_calls_are_all_it_needs);
    RUN(what_may_be_refused_with_eperm_is_done_without);
    RUN(what_may_be_refused_with_enosys_is_done_without);
    printf("ok\n");
    return 0;
}
