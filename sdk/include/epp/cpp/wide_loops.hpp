// EPP_WIDE_LOOPS before a function: GCC compiles it for every x86-64 processor and once more for those with AVX2; which
// one is called is settled when the library is loaded. For loops over all candidates without branches and without calls
// that are not inlined. Both give the same results: AVX2 alone has no fused multiply-add.
#ifndef EPP_CPP_WIDE_LOOPS_HPP
#define EPP_CPP_WIDE_LOOPS_HPP

#include <cstddef>  // also tells of glibc, whose loader settles it

// Not where a sanitizer would have to be ready when it is settled; not with clang 16, which then leaves out functions
// that only such a function calls. Without `noinline` GCC puts the plain one into its caller.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EPP_WIDE_LOOPS __attribute__((noinline, unused, target_clones("avx2", "default")))
#else
#define EPP_WIDE_LOOPS __attribute__((unused))
#endif

#endif  // EPP_CPP_WIDE_LOOPS_HPP
