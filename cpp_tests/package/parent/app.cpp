// Started twice with the same name, the two hear each other.
int heard_on_a_thread(const char* name);

int main(int argc, char** argv) {
    return argc == 2 ? heard_on_a_thread(argv[1]) : 2;
}
