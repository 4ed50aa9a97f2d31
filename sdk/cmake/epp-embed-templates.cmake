# epp_embed_templates(<target>): the files of sdk/templates become part of the program, so that `epp plugins new` reads
# none at run time. The target gets a source that defines epp::app::plugin_templates() (app/plugin_templates.h).
#
# The ABI module of the Rust example is a part of every plugin in Rust.

if(CMAKE_SCRIPT_MODE_FILE)
  # cmake -DOUTPUT=<file> -DSDK=<folder> -DTEMPLATES=<language/path,...> -DMODULE=<path,...> -P this
  function(embed language path source)
    file(READ "${SDK}/${source}" text)
    string(APPEND sources "    {\"${language}\", \"${path}\", R\"~template~(${text})~template~\"},\n")
    set(sources "${sources}" PARENT_SCOPE)
  endfunction()
  string(REPLACE "," ";" TEMPLATES "${TEMPLATES}")
  string(REPLACE "," ";" MODULE "${MODULE}")
  foreach(template IN LISTS TEMPLATES)
    string(REGEX MATCH "^([a-z]+)/(.+)$" matched "${template}")
    embed("${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}" "templates/${template}")
  endforeach()
  foreach(path IN LISTS MODULE)
    embed(rust "${path}" "examples/rust/${path}")
  endforeach()
  file(WRITE "${OUTPUT}" "// Generated from the templates of the SDK.
#include \"app/plugin_templates.h\"

namespace epp::app {

std::span<const PluginTemplate> plugin_templates() {
  static constexpr PluginTemplate kTemplates[] = {
${sources}  };
  return kTemplates;
}

}  // namespace epp::app
")
  return()
endif()

set(EPP_EMBED_TEMPLATES "${CMAKE_CURRENT_LIST_FILE}")

function(epp_embed_templates target)
  cmake_path(SET sdk NORMALIZE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..")
  file(GLOB_RECURSE templates RELATIVE "${sdk}/templates" CONFIGURE_DEPENDS "${sdk}/templates/*")
  file(GLOB_RECURSE module RELATIVE "${sdk}/examples/rust" CONFIGURE_DEPENDS "${sdk}/examples/rust/src/epp/*.rs")
  list(TRANSFORM templates PREPEND "${sdk}/templates/" OUTPUT_VARIABLE template_files)
  list(TRANSFORM module PREPEND "${sdk}/examples/rust/" OUTPUT_VARIABLE module_files)
  list(JOIN templates "," templates)
  list(JOIN module "," module)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.cpp")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DSDK=${sdk}" "-DTEMPLATES=${templates}" "-DMODULE=${module}"
            -P "${EPP_EMBED_TEMPLATES}"
    DEPENDS ${template_files} ${module_files} "${EPP_EMBED_TEMPLATES}" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
