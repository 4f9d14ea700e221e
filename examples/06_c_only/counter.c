/* Counts to ten with the other side: sends a number as text, and expects the next one.
 *
 *   counter [NAME] [master|slave] */
#include <eshm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sends `number` until the other side answers; the answer, or a negative enum ESHMError. */
static int ask(ESHMHandle* handle, int number) {
    char text[32], answer[32];
    snprintf(text, sizeof text, "%d", number);
    for (int i = 0; i < 200; i++) {
        size_t size = 0;
        eshm_write(handle, text, strlen(text) + 1); /* a slave cannot once its master has left, having answered */
        const int rc = eshm_read_ex(handle, answer, sizeof answer - 1, &size, 100);
        if (rc == ESHM_ERROR_TIMEOUT) continue;
        if (rc != ESHM_SUCCESS) return rc;
        answer[size] = '\0';
        if (atoi(answer) > number) return atoi(answer); /* else it answers an earlier one */
    }
    return ESHM_ERROR_TIMEOUT;
}

int main(int argc, char** argv) {
    ESHMConfig config = eshm_default_config(argc > 1 ? argv[1] : "counter");
    config.role = argc > 2 && strcmp(argv[2], "master") == 0 ? ESHM_ROLE_MASTER : ESHM_ROLE_SLAVE;
    ESHMHandle* handle = eshm_init(&config);
    if (handle == NULL) return 1; /* the reason is on stderr */

    int number = 1;
    while (number > 0 && number < 10) {
        const int answer = ask(handle, number);
        if (answer < 0)
            fprintf(stderr, "%s\n", eshm_error_string(answer));
        else
            printf("%d ... %d\n", number, answer);
        number = answer < 0 ? answer : answer + 1;
    }
    eshm_destroy(handle);
    return number < 0;
}
