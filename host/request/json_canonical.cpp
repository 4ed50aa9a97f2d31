#include "request/json_canonical.h"

#include "request/arena.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace epp::request {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

struct Node {
  JsonKind kind;
  std::string_view key;  // decoded; of members only
  std::string_view raw;  // scalars: the literal; strings: without quotes
  JsonString string;
  std::uint32_t first_child = kNone;
  std::uint32_t next = kNone;
};

// A document as a flat vector of nodes. Built and printed with explicit stacks, since nesting may be 10,000 deep.
class Tree {
 public:
  explicit Tree(std::string_view value) { build(value); }

  void set_member(std::string_view key, std::string_view string) {
    Node node{.kind = JsonKind::kString, .key = key, .raw = string, .string = {}};
    node.next = kNone;
    nodes_.push_back(node);
    literal_ = static_cast<std::uint32_t>(nodes_.size() - 1);
    // Appended last, so that it wins over the duplicates before it.
    std::uint32_t* link = &nodes_[0].first_child;
    while (*link != kNone)
      link = &nodes_[*link].next;
    *link = literal_;
  }

  void print(std::string& out);

 private:
  struct Frame {
    std::uint32_t node;
    std::size_t begin;  // its children in order_
    std::size_t next;
  };

  void build(std::string_view value);
  void print_scalar(std::string& out, std::uint32_t index);
  void open(std::string& out, std::uint32_t index);

  Arena arena_;
  std::vector<Node> nodes_;
  std::uint32_t literal_ = kNone;  // the node whose `raw` is a decoded string
  std::vector<std::uint32_t> order_;
  std::vector<Frame> frames_;
  std::string scratch_;
};

void Tree::build(std::string_view value) {
  struct Open {
    std::uint32_t node;
    std::uint32_t last_child;
  };
  JsonReader json(value);
  std::vector<Open> open;
  do {
    std::string_view key;
    if (!open.empty()) {
      const bool object = nodes_[open.back().node].kind == JsonKind::kObject;
      if (!(object ? json.next_member(key) : json.next_element())) {
        if (json.failed()) return;
        open.pop_back();
        continue;
      }
      // A key that is no view into the document lives in the reader only until the next one.
      const bool in_document = key.data() >= value.data() && key.data() < value.data() + value.size();
      if (object && !in_document) key = arena_.copy(key);
    }
    JsonKind kind{};
    if (!json.peek(kind)) return;
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({.kind = kind, .key = key, .raw = {}, .string = {}});
    if (!open.empty()) {
      Open& parent = open.back();
      (parent.last_child == kNone ? nodes_[parent.node].first_child : nodes_[parent.last_child].next) = index;
      parent.last_child = index;
    }
    switch (kind) {
      case JsonKind::kObject:
        json.enter_object();
        open.push_back({index, kNone});
        break;
      case JsonKind::kArray:
        json.enter_array();
        open.push_back({index, kNone});
        break;
      case JsonKind::kString:
        nodes_[index].string = json.string();
        break;
      default:
        json.skip(nodes_[index].raw);
        break;
    }
  } while (!open.empty());
}

void Tree::print_scalar(std::string& out, std::uint32_t index) {
  const Node& node = nodes_[index];
  if (index == literal_) {
    append_json_string(out, node.raw, HtmlEscape::kYes);
  } else if (node.kind == JsonKind::kString) {
    scratch_.clear();
    append_decoded(scratch_, node.string);
    append_json_string(out, scratch_, HtmlEscape::kYes);
  } else if (node.kind == JsonKind::kNumber) {
    append_double(out, parse_double(node.raw));
  } else {
    out += node.raw;
  }
}

// Starts an array or object: its children, in the order of printing, become the top of order_.
void Tree::open(std::string& out, std::uint32_t index) {
  const std::size_t begin = order_.size();
  for (std::uint32_t child = nodes_[index].first_child; child != kNone; child = nodes_[child].next) {
    order_.push_back(child);
  }
  const bool object = nodes_[index].kind == JsonKind::kObject;
  if (object) {
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(begin);
    std::stable_sort(first, order_.end(),
                     [this](std::uint32_t a, std::uint32_t b) { return nodes_[a].key < nodes_[b].key; });
    // Of equal keys keep the last.
    auto kept = first;
    for (auto it = first; it != order_.end(); ++it) {
      const auto following = it + 1;
      if (following == order_.end() || nodes_[*it].key != nodes_[*following].key) *kept++ = *it;
    }
    order_.erase(kept, order_.end());
  }
  out += object ? '{' : '[';
  frames_.push_back({index, begin, begin});
}

void Tree::print(std::string& out) {
  if (nodes_.empty()) return;
  const auto is_container = [this](std::uint32_t index) {
    return nodes_[index].kind == JsonKind::kObject || nodes_[index].kind == JsonKind::kArray;
  };
  if (!is_container(0)) return print_scalar(out, 0);
  open(out, 0);
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    const bool object = nodes_[frame.node].kind == JsonKind::kObject;
    if (frame.next == order_.size()) {
      out += object ? '}' : ']';
      order_.resize(frame.begin);
      frames_.pop_back();
      continue;
    }
    if (frame.next != frame.begin) out += ',';
    const std::uint32_t child = order_[frame.next++];
    if (object) {
      append_json_string(out, nodes_[child].key, HtmlEscape::kYes);
      out += ':';
    }
    if (is_container(child)) {
      open(out, child);
    } else {
      print_scalar(out, child);
    }
  }
}

}  // namespace

void append_canonical(std::string& out, std::string_view value) {
  Tree(value).print(out);
}

void append_canonical_with(std::string& out, std::string_view object, std::string_view key, std::string_view string) {
  Tree tree(object);
  tree.set_member(key, string);
  tree.print(out);
}

void append_compact(std::string& out, std::string_view value) {
  bool in_string = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (!in_string) {
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
      in_string = c == '"';
      out += c;
      continue;
    }
    const std::string_view rest = value.substr(i);
    if (c == '\\') {
      out += rest.substr(0, 2);
      ++i;
    } else if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      in_string = c != '"';
      out += c;
    }
  }
}

}  // namespace epp::request
