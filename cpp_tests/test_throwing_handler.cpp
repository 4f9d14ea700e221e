// A handler of triggers that throws: the process ends as the C++ runtime has it, with the exception's own text. Run without
// arguments it starts itself anew, and looks at how that ends.
#include "endpoint.h"
#include "eshm_rpc.h"

#include <stdexcept>
#include <string>
#include <sys/wait.h>

static void fail(void*) {
    throw std::runtime_error("the gripper is stuck");
}

static void* end_thread(void*) {
    pthread_exit(nullptr);
}

static void leave(void*) {
    (void)end_thread(nullptr);
}

static EshmRpc* open_rpc(const char* name, ESHMRole role) {
    EshmRpc* rpc = eshm_rpc_create(name, role);
    CHECK(rpc != nullptr);
    return rpc;
}

static void throwing(const char* name) {
    EshmRpc* master = open_rpc(name, ESHM_ROLE_MASTER);
    EshmRpc* slave = open_rpc(name, ESHM_ROLE_SLAVE);
    CHECK_EQ(eshm_rpc_on_call(slave, "grip", fail, nullptr), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(slave), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_call(master, "grip"), ESHM_SUCCESS);
    for (;;) pause();
}

static void an_exception_ends_the_process_with_its_own_text(const char* self) {
    std::string name = segment_name("throwing"), segment = name + "_ctl";
    segment_adopt(segment.c_str());
    const std::string command = std::string(self) + " --throw " + name + " 2>&1";
    FILE* output = popen(command.c_str(), "r");
    CHECK(output != nullptr);
    std::string text;
    char part[256];
    while (fgets(part, sizeof part, output) != nullptr) text += part;
    const int status = pclose(output);
    fputs(text.c_str(), stdout);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) || WEXITSTATUS(status) == 128 + SIGABRT);
    CHECK(text.find("the gripper is stuck") != std::string::npos);
    CHECK(text.find("terminate called after throwing an instance of 'std::runtime_error'") != std::string::npos);
    CHECK(text.find("Rust") == std::string::npos);
}

static void a_handler_that_ends_its_thread_leaves_all_in_order() {
    std::string name = segment_name("leaving"), segment = name + "_ctl";
    segment_adopt(segment.c_str());
    EshmRpc* master = open_rpc(name.c_str(), ESHM_ROLE_MASTER);
    EshmRpc* slave = open_rpc(name.c_str(), ESHM_ROLE_SLAVE);
    CHECK_EQ(eshm_rpc_on_call(slave, "go", leave, nullptr), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(slave), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_call(master, "go"), ESHM_SUCCESS);
    CHECK_WITHIN(PATIENCE_MS, eshm_rpc_dispatched(slave) == 1);
    CHECK_EQ(eshm_rpc_stop(slave), ESHM_SUCCESS);
    eshm_rpc_destroy(slave);
    eshm_rpc_destroy(master);
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "--throw") == 0) throwing(argv[2]);
    an_exception_ends_the_process_with_its_own_text(argv[0]);
    RUN(a_handler_that_ends_its_thread_leaves_all_in_order);
    puts("ok");
    return 0;
}
