// The Rust module against what it stands for: the C headers, and the promise that a panic harms nobody.
#include "examples/workshop.h"
#include "support/files.h"
#include "support/places.h"

#include <epp/abi.h>
#include <epp/host/attributes.h>
#include <epp/host/services.h>

#include <cstring>
#include <regex>
#include <string_view>

#include <dlfcn.h>

namespace epp::examples {
namespace {

// Every `layout!` of the module as assertions in C.
TEST(RustModule, HasTheLayoutsOfTheHeaders) {
  const std::string module = testing::read_file(testing::source_file("sdk/examples/rust/src/epp/abi.rs"));
  std::string program;
  for (const char* header :
       {"abi.h", "ext/filter.h", "ext/picker.h", "ext/scorer.h", "host/attributes.h", "host/services.h"}) {
    program += "#include <epp/" + std::string(header) + ">\n";
  }
  const std::regex line(R"(struct \w+ (?:is|begins) (epp_\w+)(?: of (\d+) bytes)? \{|\n {8}(\d+) => (\w+?)_?: )");
  std::string type;
  int members = 0;
  for (std::sregex_iterator at(module.begin(), module.end(), line), end; at != end; ++at) {
    const std::smatch& match = *at;
    if (match[1].matched) {
      type = match[1];
      if (match[2].matched) {
        program += "_Static_assert(sizeof(" + type + ") == " + match.str(2) + ", \"" + type + "\");\n";
      }
      continue;
    }
    program += "_Static_assert(offsetof(" + type + ", " + match.str(4) + ") == " + match.str(3) + ", \"" + type + "." +
               match.str(4) + "\");\n";
    ++members;
  }
  EXPECT_GE(members, 80);
  const Workshop workshop;
  const auto source = workshop.folder() / "layouts.c";
  testing::write_file(source, program);
  const Outcome compiled =
      workshop.run("/usr/bin/cc", {"-std=c11", "-fsyntax-only", "-I" + (workshop.sdk() / "include").string(), source});
  EXPECT_EQ(compiled.status, 0) << compiled.output;
}

constexpr const char* kPanicking = R"rust(
mod epp;

struct Panicking;

impl epp::Plugin for Panicking {
    const NAME: &'static str = "panicking-scorer";
    const VENDOR: &'static str = "test";
    const DESCRIPTION: &'static str = "Panics while it is made";
    const PARAMETERS_SCHEMA: &'static str = "{}";
    const EXTENSIONS: &'static [epp::Extension] = &[];
    fn new(context: &epp::Context) -> Result<Self, epp::Error> {
        panic!("no {}", context.name());
    }
}

epp::library!(Panicking);
)rust";

TEST(RustModule, APanicIsAStatusAndTheLibraryUnloads) {
  const Workshop workshop;
  const auto project = workshop.example("rust");
  testing::write_file(project / "src/lib.rs", kPanicking);
  ASSERT_TRUE(workshop.build_with_cargo(project));
  const std::string library = (project / "target/release/libpower_of_choices_picker.so").string();
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const auto* entry = static_cast<const epp_entry*>(dlsym(handle, EPP_ENTRY_SYMBOL));
  ASSERT_NE(entry, nullptr);

  // A host whose services are not reached.
  epp_host host{};
  host.size = sizeof host;
  host.get_extension = [](const epp_host*, epp_str id) -> const void* {
    static const epp_host_attributes attributes{};
    static const epp_host_parameters parameters{};
    const std::string_view name(id.data, id.size);
    if (name == EPP_HOST_ATTRIBUTES) return &attributes;
    return name == EPP_HOST_PARAMETERS ? &parameters : nullptr;
  };
  char text[64];
  epp_error error{};
  error.size = sizeof error;
  error.message = text;
  error.message_capacity = sizeof text;
  epp_create_args args{};
  args.size = sizeof args;
  args.host = &host;
  args.name = EPP_STR_INIT("luck");
  epp_instance* instance = nullptr;
  ASSERT_EQ(entry->init(&host, &error), EPP_OK);
  ASSERT_EQ(entry->type_count, 1u);
  EXPECT_EQ(entry->types[0]->create(entry->types[0], &args, &instance, &error), EPP_ERR_INTERNAL);
  EXPECT_EQ(std::string_view(text, error.message_size), "panic: no luck");
  EXPECT_EQ(instance, nullptr);
  entry->deinit();

  // This thread, which panicked, lives on; nothing of it may hold the library.
  ASSERT_EQ(dlclose(handle), 0);
  EXPECT_EQ(dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr);
}

}  // namespace
}  // namespace epp::examples
