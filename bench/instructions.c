/* Writes and reads a message of SIZE bytes COUNT times in one process; for counting instructions.  instructions SIZE COUNT */
#include "eshm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
    static char message[ESHM_MAX_DATA_SIZE], buffer[ESHM_MAX_DATA_SIZE];
    char name[64];
    if (argc != 3) return 2;
    snprintf(name, sizeof name, "instructions_%d", (int)getpid());
    ESHMConfig config = eshm_default_config(name);
    config.role = ESHM_ROLE_MASTER;
    ESHMHandle* master = eshm_init(&config);
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = eshm_init(&config);
    if (master == NULL || slave == NULL) return 1;
    const size_t size = strtoul(argv[1], NULL, 10);
    for (long left = strtol(argv[2], NULL, 10); left > 0; left--) {
        if (eshm_write(master, message, size) != ESHM_SUCCESS) return 1;
        if (eshm_read_ex(slave, buffer, sizeof buffer, NULL, 0) != ESHM_SUCCESS) return 1;
    }
    eshm_destroy(slave);
    eshm_destroy(master);
    return 0;
}
