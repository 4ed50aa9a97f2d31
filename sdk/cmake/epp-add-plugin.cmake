# epp_add_plugin(<name> SOURCES <files>...): the plugin library <name>.so, which exports the ABI entry and nothing else.
#
# The target is called <name>; C and C++ sources may be mixed. Link it with what else it needs; static libraries are
# best, as the host loads plugins with local symbols.
function(epp_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES")
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "usage: epp_add_plugin(<name> SOURCES <files>...)")
  endif()
  # The map stands beside this file when installed, one folder up in the source tree.
  set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/epp-plugin.map")
  if(NOT EXISTS "${map}")
    set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../epp-plugin.map")
  endif()
  add_library(${name} MODULE ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE epp::sdk)
  # GNU unique symbols would keep the library mapped for ever.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE "LINKER:--version-script=${map}")
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME "${name}" LINK_DEPENDS "${map}"
    C_STANDARD 11 C_STANDARD_REQUIRED ON CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
