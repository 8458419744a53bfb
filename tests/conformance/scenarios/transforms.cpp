// Values that go through extensions on their way to the checkpoint and back.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/extension.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

using Change = std::uint8_t (*)(std::uint8_t);

struct Kind {
  std::string name;
  Change to;
  Change back;
};

const Kind kXor{"stream.xor", [](std::uint8_t byte) -> std::uint8_t { return byte ^ 0x55U; },
                [](std::uint8_t byte) -> std::uint8_t { return byte ^ 0x55U; }};
const Kind kAdd{"stream.add", [](std::uint8_t byte) { return static_cast<std::uint8_t>(byte + 1); },
                [](std::uint8_t byte) { return static_cast<std::uint8_t>(byte - 1); }};

// Makes another byte of each.
class Bytewise : public StreamTransformExtension {
 public:
  explicit Bytewise(Kind kind) : kind_(std::move(kind)) {}

  std::string get_descriptor() const override { return kind_.name + "/7"; }
  Bytes transform_to(const Bytes& bytes) const override { return each(bytes, kind_.to); }
  Bytes transform_from(const Bytes& bytes) const override { return each(bytes, kind_.back); }

 private:
  static Bytes each(Bytes bytes, Change change) {
    for (auto& byte : bytes) byte = change(byte);
    return bytes;
  }

  Kind kind_;
};

Json saved_and_loaded(const Job& job, const std::string& suffix,
                      const std::vector<Kind>& transforms, const std::vector<Kind>& known) {
  std::vector<Json> versions(known.size(), Json::array());
  LoadOptions options;
  for (std::size_t i = 0; i < known.size(); ++i) {
    options.extensions.add(known[i].name, [&, i](std::string_view version) {
      versions[i].push_back(version);
      return std::make_shared<Bytewise>(known[i]);
    });
  }
  SaveOptions how_to_save;
  for (const auto& kind : transforms) {
    how_to_save.stream_transforms.push_back(std::make_shared<Bytewise>(kind));
  }
  DefaultSavePlanner saving(how_to_save);
  save_to(job.checkpoint(suffix), {{"s", "text"}}, &saving);
  StateDict state{{"s", ""}};
  DefaultLoadPlanner loading(options);
  const auto how = of_call([&] { load_from(job.checkpoint(suffix), state, &loading); });
  return Json::array({how, of_value(state.at("s")), versions});
}

Json one_transform(const Job& job) {
  return {{"known", saved_and_loaded(job, "1", {kXor}, {kXor})},
          {"unknown", saved_and_loaded(job, "2", {kXor}, {})}};
}

Json two_transforms(const Job& job) {
  return saved_and_loaded(job, "", {kAdd, kXor}, {kAdd, kXor});
}

}  // namespace

std::vector<Scenario> transform_scenarios() {
  return {{"C41.one_transform", 1, one_transform}, {"C43.two_transforms", 1, two_transforms}};
}

}  // namespace h5dcp::conformance
