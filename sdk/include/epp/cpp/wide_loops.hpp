// EPP_WIDE_LOOPS before a function: GCC compiles it for every x86-64 processor and once more for those with AVX2; which
// one is called is settled when the library is loaded. For loops over many values without branches and without calls
// that are not inlined. Both give the same results: AVX2 alone has no fused multiply-add.
//
// Define it empty where the choice cannot be made: it runs while the library is relocated, before anything that
// -fprofile-generate or a sanitizer adds to functions is ready. Known sanitizers are seen here.
#ifndef EPP_CPP_WIDE_LOOPS_HPP
#define EPP_CPP_WIDE_LOOPS_HPP

#include <cstddef>  // also tells of glibc, whose loader makes the choice

// Not with clang 16, which leaves out functions that only such a function calls. Without `noinline` GCC puts the plain
// one into its caller.
#ifndef EPP_WIDE_LOOPS
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EPP_WIDE_LOOPS __attribute__((noinline, unused, target_clones("avx2", "default")))
#else
#define EPP_WIDE_LOOPS __attribute__((unused))
#endif
#endif

namespace epp::sdk::detail {

// Fewer values than this are looked at one by one: they were just written one by one, and a wide load has to wait until
// such stores have reached the cache.
inline constexpr std::size_t kManyValues = 32;

}  // namespace epp::sdk::detail

#endif  // EPP_CPP_WIDE_LOOPS_HPP
