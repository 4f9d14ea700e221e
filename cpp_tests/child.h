/* Child processes for the tests. A child is this program started afresh, so that it inherits no handle, thread or memory:
 * the two sides are as separate as two programs. It is told which function to run, and the scene to run it in. */
#ifndef ESHM_CHILD_H
#define ESHM_CHILD_H

#include "event.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>

/* What a test shares with its children: plain bytes, which reach a child as a copy. */
typedef struct Scene {
    char name[256];    /* of the segment */
    Event ready;       /* the child to the test: how far it is */
    Event go;          /* the test to the child: go on */
    Event gate;        /* likewise, for a second point */
    uint32_t role;     /* what else a child needs to know: */
    uint32_t size;
    uint32_t stale_threshold_ms;
    char text[64];
} Scene;

typedef struct ChildBody {
    const char* name;
    void (*run)(Scene*);
} ChildBody;

#define CHILD_BODY(function) \
    { #function, function }
#define CHILD_START(function, scene) child_start(#function, scene)

static inline Scene scene_new(const char* purpose) {
    Scene scene;
    memset(&scene, 0, sizeof scene);
    snprintf(scene.name, sizeof scene.name, "%s", segment_name(purpose));
    scene.ready = event_new();
    scene.go = event_new();
    scene.gate = event_new();
    return scene;
}

static inline void scene_free(Scene scene) {
    event_free(scene.ready);
    event_free(scene.go);
    event_free(scene.gate);
}

/* Call it first in main(): in a child it runs what the child is for, and ends it. */
static inline void child_main(int argc, char** argv, const ChildBody* bodies, size_t count) {
    if (argc != 4 || strcmp(argv[1], "--child") != 0) return;
    Scene scene;
    unsigned char* bytes = (unsigned char*)&scene;
    CHECK_EQ(strlen(argv[3]), 2 * sizeof scene);
    for (size_t i = 0; i < sizeof scene; i++) {
        unsigned int byte = 0;
        CHECK_EQ(sscanf(argv[3] + 2 * i, "%2x", &byte), 1);
        bytes[i] = (unsigned char)byte;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(bodies[i].name, argv[2]) == 0) {
            bodies[i].run(&scene);
            exit(0);
        }
    check_fail(__FILE__, __LINE__, argv[2]);
}

#define CHILD_MAIN(argc, argv, bodies) child_main(argc, argv, bodies, sizeof(bodies) / sizeof((bodies)[0]))

static inline pid_t child_fork(void) {
    const pid_t parent = getpid();
    fflush(stdout);
    fflush(stderr);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive the test */
        if (getppid() != parent) _exit(1);
    } else {
        child_note(0, pid);
    }
    return pid;
}

/* Starts a process that runs the function of that name on a copy of the scene, and ends with status 0 if no check failed. */
static inline pid_t child_start(const char* function, const Scene* scene) {
    char hex[2 * sizeof *scene + 1];
    for (size_t i = 0; i < sizeof *scene; i++) snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char*)scene)[i]);
    char self[4096]; /* by its own name: under valgrind the link itself leads to valgrind */
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0);
    self[length] = '\0';
    const pid_t pid = child_fork();
    if (pid == 0) {
        execl(self, self, "--child", function, hex, (char*)NULL);
        _exit(127);
    }
    return pid;
}

/* Waits for the end of a child; its wait status. */
static inline int child_wait(pid_t pid) {
    int status = 0;
    for (const double end = check_now() + PATIENCE_MS / 1000.0;;) {
        const pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid) {
            child_note(pid, 0);
            return status;
        }
        CHECK_EQ(done, 0);
        if (check_now() > end) check_fail(__FILE__, __LINE__, "a child process that should have ended");
        check_pause_ms(1);
    }
}

/* Waits for the end of a child and checks that it succeeded. */
static inline void child_join(pid_t pid) {
    const int status = child_wait(pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* Kills a child at once, as a crash would, and waits until it is gone. It must not have ended before. */
static inline void child_crash(pid_t pid) {
    CHECK_EQ(kill(pid, SIGKILL), 0);
    const int status = child_wait(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

#endif /* ESHM_CHILD_H */
