// XXH3, with the vector instructions that the processor has where the library can choose them: that
// is twice as fast.

#pragma once

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
