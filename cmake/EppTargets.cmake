# The handful of target kinds that this tree knows. A room says what it is made of and what it
# stands on; flags, outputs and test registration are decided here.
include(CMakeParseArguments)

# epp_add_rooms(pattern...): add every matching folder that has a CMakeLists.txt, in sorted order.
function(epp_add_rooms)
  foreach(pattern IN LISTS ARGN)
    file(GLOB dirs RELATIVE "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/${pattern}")
    list(SORT dirs)
    foreach(dir IN LISTS dirs)
      if(EXISTS "${CMAKE_SOURCE_DIR}/${dir}/CMakeLists.txt")
        add_subdirectory("${CMAKE_SOURCE_DIR}/${dir}" "${CMAKE_BINARY_DIR}/rooms/${dir}")
      endif()
    endforeach()
  endforeach()
endfunction()

# epp_room(name SOURCES ... [DEPS ...] [PRIVATE_DEPS ...]): a static library `epp_<name>` of host/<name>.
function(epp_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(epp_${name} STATIC ${ARG_SOURCES})
  target_include_directories(epp_${name} PUBLIC "${CMAKE_SOURCE_DIR}/host")
  target_link_libraries(epp_${name} PUBLIC epp_sdk ${ARG_DEPS} PRIVATE epp_warnings ${ARG_PRIVATE_DEPS})
endfunction()

# epp_vectorized(target): loops over all endpoints, which -O2 leaves as they are. Nobody reads the floating-point status
# flags, for whose sake comparisons would not be done several at once; results are the same.
function(epp_vectorized target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O3 -fno-trapping-math>)
endfunction()

# epp_plugin(name SOURCES ... [DEPS ...]): lib/epp/plugins/<name>.so, exporting the ABI entry and nothing else.
function(epp_plugin name)
  cmake_parse_arguments(ARG "NO_INSTALL" "OUTPUT_DIRECTORY" "SOURCES;DEPS" ${ARGN})
  string(REPLACE "-" "_" target "plugin_${name}")
  add_library(${target} MODULE ${ARG_SOURCES})
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY "${EPP_PLUGIN_OUTPUT_DIRECTORY}")
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${ARG_OUTPUT_DIRECTORY}"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  endif()
  epp_vectorized(${target})
  target_link_libraries(${target} PRIVATE epp_sdk epp_warnings ${ARG_DEPS})
  target_link_options(${target} PRIVATE "LINKER:--version-script=${CMAKE_SOURCE_DIR}/sdk/epp-plugin.map")
  if(NOT ARG_NO_INSTALL)
    add_dependencies(plugin_libraries ${target})
    target_compile_definitions(${target} PRIVATE EPP_PLUGIN_VENDOR="${PROJECT_NAME}")
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/epp/plugins)
  endif()
endfunction()
# All plugin libraries that are installed (the room host/plugins is epp_plugins).
add_custom_target(plugin_libraries)

# epp_test(name SOURCES ... [DEPS ...] [LABELS ...] [TIMEOUT s] [ENVIRONMENT ...]): a GoogleTest binary, one ctest entry.
function(epp_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  find_package(GTest REQUIRED)
  if(EPP_SANITIZE STREQUAL "thread")
    list(PREPEND ARG_SOURCES "${CMAKE_SOURCE_DIR}/cmake/tsan_first.cpp")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/host" "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} epp_warnings GTest::gmock GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_compile_definitions(${name} PRIVATE
    EPP_BUILD_DIR="${CMAKE_BINARY_DIR}" EPP_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    EPP_PLUGIN_DIR="${EPP_PLUGIN_OUTPUT_DIRECTORY}")
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()

# epp_kube_test(name ...): as epp_test, for a binary whose tests all need the API server of tools/kube-up. Without one it
# counts as skipped.
function(epp_kube_test name)
  epp_test(${name} ${ARGN})
  target_sources(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/kube_main.cpp")
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# epp_fuzzer(name SOURCES ... [DEPS ...]): a libFuzzer binary in build/fuzz; seeds live in tests/fuzz/corpus/<name>.
function(epp_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/host" "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} epp_warnings -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  add_dependencies(fuzzers ${name})
endfunction()
add_custom_target(fuzzers)

# epp_bench(name SOURCES ... [DEPS ...]): a Google Benchmark binary in build/bench.
function(epp_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  find_package(benchmark REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/host" "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} epp_warnings benchmark::benchmark benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endfunction()

# epp_proto(name PROTOS ... [GRPC]): generated messages (and services) as one library without our warnings.
function(epp_proto name)
  cmake_parse_arguments(ARG "GRPC" "" "PROTOS;DEPS" ${ARGN})
  find_package(Protobuf REQUIRED)
  find_package(PkgConfig REQUIRED)
  find_program(EPP_PROTOC protoc REQUIRED)
  find_program(EPP_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
  set(gen "${CMAKE_BINARY_DIR}/gen")
  file(MAKE_DIRECTORY "${gen}")
  set(sources)
  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    set(outs "${gen}/${stem}.pb.cc" "${gen}/${stem}.pb.h")
    set(args --cpp_out "${gen}")
    if(ARG_GRPC)
      list(APPEND outs "${gen}/${stem}.grpc.pb.cc" "${gen}/${stem}.grpc.pb.h")
      list(APPEND args --grpc_out "${gen}" --plugin=protoc-gen-grpc=${EPP_GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${outs}
      COMMAND ${EPP_PROTOC} -I "${CMAKE_SOURCE_DIR}/proto" ${args} "${CMAKE_SOURCE_DIR}/proto/${proto}"
      DEPENDS "${CMAKE_SOURCE_DIR}/proto/${proto}")
    list(APPEND sources ${outs})
  endforeach()
  add_library(epp_proto_${name} STATIC ${sources})
  target_compile_options(epp_proto_${name} PRIVATE -w)
  epp_uninstrumented(epp_proto_${name})
  if(EPP_SANITIZE STREQUAL "thread")
    # With this macro generated messages have a member that those inside the library lack. The standard library derives
    # from it that shared_ptr must not take the short cut which the tool cannot follow: that is to stay.
    target_compile_options(epp_proto_${name} PUBLIC -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
  endif()
  target_include_directories(epp_proto_${name} SYSTEM PUBLIC "${gen}")
  target_link_libraries(epp_proto_${name} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(epp_proto_${name} PUBLIC epp_grpc)
  endif()
endfunction()

# epp_uninstrumented(target): what inlines gRPC, whose library is not built for ThreadSanitizer, stays outside of it: the
# tool would see the accesses and not the synchronisation.
function(epp_uninstrumented target)
  if(EPP_SANITIZE STREQUAL "thread")
    target_compile_options(${target} PRIVATE -fno-sanitize=thread)
  endif()
endfunction()

# gRPC C++ through pkg-config, as Debian ships it.
find_package(PkgConfig REQUIRED)
pkg_check_modules(EPP_GRPC REQUIRED IMPORTED_TARGET grpc++)
add_library(epp_grpc INTERFACE)
target_link_libraries(epp_grpc INTERFACE PkgConfig::EPP_GRPC)
