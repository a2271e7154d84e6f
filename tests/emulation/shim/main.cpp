// A program that launches kernel 0 once, for the sanitizers: they want to own the process.
// usage: program ARGUMENTS gx gy gz bx by bz order seed; the file holds, for each argument, 'a' or 's' (array,
// scalar), the number of bytes as a 64-bit integer, and the bytes. Exit code 3: the emulation reports a mistake.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" const char* emu_launch_0(const unsigned* size, std::size_t shared, int order, unsigned seed, void** arguments);

int main(int count, char** words) {
    if (count != 10) return 2;
    std::FILE* file = std::fopen(words[1], "rb");
    if (file == nullptr) return 2;
    std::vector<void*> values;   // what an argument's value is: the number itself, or the pointer to device memory
    char kind;
    while (std::fread(&kind, 1, 1, file) == 1) {
        unsigned long long bytes = 0;
        if (std::fread(&bytes, 8, 1, file) != 1) return 2;
        void* data = std::malloc(bytes);   // exactly as long as the array, so that the next byte is out of bounds
        if (bytes > 0 && std::fread(data, bytes, 1, file) != 1) return 2;
        if (kind == 's') {
            values.push_back(data);
        } else {
            void** pointer = static_cast<void**>(std::malloc(sizeof(void*)));
            *pointer = data;
            values.push_back(pointer);
        }
    }
    unsigned size[6];
    for (int i = 0; i < 6; ++i) size[i] = static_cast<unsigned>(std::atoi(words[2 + i]));
    const char* problem = emu_launch_0(size, 0, std::atoi(words[8]), static_cast<unsigned>(std::atoi(words[9])), values.data());
    if (problem != nullptr) std::fprintf(stderr, "%s\n", problem);
    std::_Exit(problem == nullptr ? 0 : 3);   // without destructors: the sanitizers watch the kernel, not this file
}
