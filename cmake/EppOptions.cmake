# Language level, warnings, sanitizers and build accelerators, in one place.

option(EPP_BUILD_TESTS "Build the test suite and model-sim" ON)
option(EPP_BUILD_BENCH "Build the benchmarks" OFF)
option(EPP_BUILD_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
set(EPP_SANITIZE "" CACHE STRING "Sanitizer: empty, address (with undefined) or thread")
set_property(CACHE EPP_SANITIZE PROPERTY STRINGS "" address thread)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
# -g1 keeps names and lines for stack traces and halves object size and link time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(EPP_CCACHE ccache)
if(EPP_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${EPP_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${EPP_CCACHE}")
endif()
find_program(EPP_MOLD mold)
if(EPP_MOLD AND NOT EPP_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors in our own code; generated code opts out (see epp_proto).
add_library(epp_warnings INTERFACE)
target_compile_options(epp_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# GCC 12 reports false positives of these in the standard library and Boost at -O2.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(epp_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-error=restrict
    -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow -Wno-error=array-bounds>)
endif()

if(EPP_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(EPP_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()
if(EPP_BUILD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_package(Threads REQUIRED)
