// YAML -> JSON through yaml-cpp's events, so that quoting, tags, positions and repeated keys are seen as written.
// The events make a graph of nodes first, where an alias is a second edge to its anchor's node; then the graph is
// written out as a tree:
//   - scalars by YAML 1.1 (yaml_scalar.h); tags !!str, !!int, !!float, !!bool, !!null and !!binary are obeyed
//   - an alias is a copy of what its anchor stands for; the expanded tree has at most kMaxNodes nodes and
//     kMaxTextBytes of text
//   - `<<: *map` and `<<: [*a, *b]` insert members in place; as upstream's strict mode has it, a merged member and
//     another of the same name are a repeated key
#include "config/document.h"
#include "config/json_text.h"
#include "config/tree_builder.h"
#include "config/yaml_scalar.h"

#include <cmath>
#include <cstdint>
#include <deque>
#include <istream>
#include <optional>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace epp::config {
namespace {

using Json = nlohmann::ordered_json;

// Ends the parse; yaml-cpp lets it through.
struct Refused : std::runtime_error {
  Refused(const std::string& text, Position where) : std::runtime_error(text), position(where) {}
  Position position;
};

Position position_of(const YAML::Mark& mark) {
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Standard alphabet; line breaks and blanks are skipped, padding ends the data.
std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    if (c == '=') break;
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return decoded;
}

Refused too_deep(Position position) {
  return {"yaml: nested deeper than " + std::to_string(kMaxDepth) + " levels", position};
}

struct Node;

// An edge to a node, and where the document has it: for an alias, the alias.
struct Use {
  const Node* node = nullptr;
  Position position;
};

struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  std::string tag;
  std::string text;
  std::vector<Use> children;  // of a mapping: key, value, key, value, ...
  bool open = true;           // still being composed or written: an alias to it would not end
};

// Composes the graph.
class Composer : public YAML::EventHandler {
 public:
  Use root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(Node::Kind::kNull, mark, {}, anchor).open = false;
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Node& node = add(Node::Kind::kScalar, mark, tag, anchor);
    node.text = text;
    node.open = false;
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    const Position position = position_of(mark);
    if (found == anchors_.end()) throw Refused("yaml: unknown anchor referenced", position);
    if (found->second->open) throw Refused("yaml: anchor value contains itself", position);
    attach({found->second, position});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(add(Node::Kind::kSequence, mark, tag, anchor), mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    push(add(Node::Kind::kMapping, mark, tag, anchor), mark);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapEnd() override { pop(); }

 private:
  Node& add(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const Position position = position_of(mark);
    if (nodes_.size() >= kMaxNodes) throw Refused("yaml: document has too many values", position);
    Node& node = nodes_.emplace_back();
    node.kind = kind;
    node.tag = tag;
    if (anchor != 0) anchors_[anchor] = &node;
    attach({&node, position});
    return node;
  }
  void attach(Use use) {
    if (open_.empty()) {
      root_ = use;
    } else {
      open_.back()->children.push_back(use);
    }
  }
  void push(Node& node, const YAML::Mark& mark) {
    if (open_.size() >= kMaxDepth) throw too_deep(position_of(mark));
    open_.push_back(&node);
  }
  void pop() {
    open_.back()->open = false;
    open_.pop_back();
  }

  std::deque<Node> nodes_;
  std::vector<Node*> open_;
  std::unordered_map<YAML::anchor_t, const Node*> anchors_;
  Use root_;
};

// Writes the graph out.
class Writer {
 public:
  Writer(std::string_view prefix, Json& tree, SourceMap& source, Diagnostics& diagnostics)
      : prefix_(prefix), diagnostics_(diagnostics), builder_(tree, source) {}

  void write(Use use) {
    count(use);
    switch (use.node->kind) {
      case Node::Kind::kNull:
      case Node::Kind::kScalar:
        builder_.value(scalar(use), use.position);
        return;
      case Node::Kind::kSequence:
        begin(Json::array(), use.position);
        for (const Use child : use.node->children)
          write(child);
        break;
      case Node::Kind::kMapping:
        begin(Json::object(), use.position);
        write_members(use);
        break;
    }
    builder_.end();
  }

 private:
  void begin(Json container, Position position) {
    if (builder_.depth() >= kMaxDepth) throw too_deep(position);
    builder_.begin(std::move(container), position);
  }

  void count(Use use) {
    text_bytes_ += use.node->text.size();
    if (++nodes_ > kMaxNodes || text_bytes_ > kMaxTextBytes) {
      throw Refused("yaml: document contains excessive aliasing", use.position);
    }
  }

  void write_members(Use mapping) {
    const auto& children = mapping.node->children;
    for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
      const Use key = children[i];
      count(key);
      if (is_merge(*key.node)) {
        merge(children[i + 1]);
        continue;
      }
      std::string name = key_text(key);
      if (!builder_.key(name)) repeated(name, key.position);
      write(children[i + 1]);
    }
  }

  static bool is_merge(const Node& key) {
    return key.kind == Node::Kind::kScalar && key.text == "<<" &&
           (key.tag == "?" || key.tag == "tag:yaml.org,2002:merge");
  }

  void merge(Use source) {
    count(source);
    if (source.node->kind == Node::Kind::kMapping) return write_members(source);
    if (source.node->kind != Node::Kind::kSequence) refuse_merge(source.position);
    // Earlier maps take precedence, hence backwards.
    for (auto it = source.node->children.rbegin(); it != source.node->children.rend(); ++it) {
      if (it->node->kind != Node::Kind::kMapping) refuse_merge(it->position);
      count(*it);
      write_members(*it);
    }
  }

  [[noreturn]] static void refuse_merge(Position position) {
    throw Refused("yaml: map merge requires map or sequence of maps as the value", position);
  }

  static std::string key_text(Use key) {
    if (key.node->kind == Node::Kind::kNull) throw Refused("unsupported map key of type: null", key.position);
    if (key.node->kind != Node::Kind::kScalar) throw Refused("yaml: invalid map key", key.position);
    const Json value = scalar(key);
    if (value.is_null()) throw Refused("unsupported map key of type: null", key.position);
    return value.is_string() ? value.get<std::string>() : json_text(value);
  }

  static Json scalar(Use use) {
    static constexpr std::string_view kCore = "tag:yaml.org,2002:";
    const std::string& tag = use.node->tag;
    const std::string& text = use.node->text;
    if (use.node->kind == Node::Kind::kNull) return nullptr;
    if (tag == "?") return finite(resolve_plain_scalar(text), use.position);
    if (!tag.starts_with(kCore)) return text;

    const std::string_view type = std::string_view(tag).substr(kCore.size());
    if (type == "binary") {
      auto decoded = decode_base64(text);
      if (!decoded) throw Refused("yaml: !!binary value contains invalid base64 data", use.position);
      return std::move(*decoded);
    }
    Scalar value = resolve_plain_scalar(text);
    const bool integer = std::holds_alternative<std::int64_t>(value) || std::holds_alternative<std::uint64_t>(value);
    bool fits = true;
    if (type == "int") {
      fits = integer;
    } else if (type == "float") {
      fits = integer || std::holds_alternative<double>(value);
    } else if (type == "bool") {
      fits = std::holds_alternative<bool>(value);
    } else if (type == "null") {
      fits = std::holds_alternative<std::monostate>(value);
    } else {
      return text;
    }
    if (!fits) throw Refused("yaml: cannot decode `" + text + "` as a !!" + std::string(type), use.position);
    return finite(std::move(value), use.position);
  }

  static Json finite(Scalar scalar, Position position) {
    if (const auto* number = std::get_if<double>(&scalar); number != nullptr && !std::isfinite(*number)) {
      throw Refused(std::string("json: unsupported value: ") + (std::isnan(*number) ? "NaN"
                                                                : *number > 0       ? "+Inf"
                                                                                    : "-Inf"),
                    position);
    }
    return std::visit(
        [](auto&& value) -> Json {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
            return nullptr;
          } else {
            return std::forward<decltype(value)>(value);
          }
        },
        std::move(scalar));
  }

  void repeated(const std::string& name, Position position) {
    diagnostics_.error(std::string(prefix_) + "strict decoding error: yaml: unmarshal errors:\n  line " +
                           std::to_string(position.line) + ": key \"" + name + "\" already set in map",
                       child_pointer(builder_.open_pointer(), name), "each key once");
  }

  std::string_view prefix_;
  Diagnostics& diagnostics_;
  TreeBuilder builder_;
  std::size_t nodes_ = 0;  // names included
  std::size_t text_bytes_ = 0;
};

// A stream over text that somebody else owns.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // the get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

bool yaml_to_json(std::string_view text, std::string_view prefix, Json& tree, SourceMap& source,
                  Diagnostics& diagnostics) {
  const auto refuse = [&](const std::string& what, Position where) {
    if (where.line != 0) source.record("", where);
    diagnostics.error(std::string(prefix) + what);
    return false;
  };
  tree = nullptr;
  TextBuffer buffer(text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    Composer composer;
    if (!parser.HandleNextDocument(composer) || composer.root().node == nullptr) return true;
    Writer(prefix, tree, source, diagnostics).write(composer.root());
    return true;
  } catch (const YAML::Exception& failure) {
    if (failure.mark.is_null()) return refuse("yaml: " + failure.msg, {});
    const Position where = position_of(failure.mark);
    return refuse("yaml: line " + std::to_string(where.line) + ": " + failure.msg, where);
  } catch (const Refused& failure) {
    return refuse(failure.what(), failure.position);
  }
}

}  // namespace epp::config
