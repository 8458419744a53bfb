#include "manual.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace tool {
namespace {

// Text in which nothing means something to roff.
std::string roff(const std::string& text) {
  std::string made;
  for (const char c : text) {
    if (c == '\\') {
      made += "\\e";
    } else if (c == '-') {
      made += "\\-";
    } else if ((c == '.' || c == '\'') && (made.empty() || made.back() == '\n')) {
      made += "\\&";
      made += c;
    } else {
      made += c;
    }
  }
  return made;
}

std::string bold(const std::string& text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + roff(text) + "\\fR";
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
  return app.get_options([positional](const CLI::Option* option) {
    const bool hidden = option->get_group().empty();
    return option->get_positional() == positional && !hidden;
  });
}

// "-h, --help", "--slice SLICE"
std::string signature(const CLI::Option& option) {
  std::string text;
  for (const auto& name : option.get_snames())
    text += (text.empty() ? "" : ", ") + bold("-" + name);
  for (const auto& name : option.get_lnames())
    text += (text.empty() ? "" : ", ") + bold("--" + name);
  if (option.get_items_expected_max() > 0) text += " " + italic(option.get_type_name());
  return text;
}

std::string synopsis(const CLI::App& app, const CLI::App& verb) {
  std::string text = bold(app.get_name() + " " + verb.get_name());
  for (const auto* option : options_of(verb, true)) {
    const auto name = italic(option->get_name(true));
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  for (const auto* option : options_of(verb, false)) {
    if (option == verb.get_help_ptr()) continue;
    text += " [" + signature(*option) + "]";
  }
  return text;
}

void add_options(std::ostream& page, const CLI::App& app) {
  for (const auto* option : options_of(app, true)) {
    page << ".TP\n"
         << italic(option->get_name(true)) << '\n'
         << roff(option->get_description()) << ".\n";
  }
  for (const auto* option : options_of(app, false)) {
    page << ".TP\n" << signature(*option) << '\n' << roff(option->get_description()) << ".\n";
  }
}

}  // namespace

std::string manual(const CLI::App& app, const std::string& version) {
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  std::ostringstream page;
  page << R"(.TH H5DCP 1 "" ")" << roff("h5dcp " + version) << R"(" "User Commands")" << '\n'
       << ".SH NAME\nh5dcp \\- look into checkpoints of sharded training state\n"
       << ".SH SYNOPSIS\n.nh\n.ad l\n";
  const char* between = "";
  for (const auto* verb : verbs) {
    page << between << synopsis(app, *verb) << '\n';
    between = ".br\n";
  }
  page << ".SH DESCRIPTION\n" << roff(app.get_description()) << "\n.SH OPTIONS\n";
  add_options(page, app);
  page << ".SH COMMANDS\n";
  for (const auto* verb : verbs) {
    page << ".SS " << bold(verb->get_name()) << '\n' << roff(verb->get_description()) << ".\n";
    add_options(page, *verb);
    if (verb->get_footer() != app.get_footer()) page << ".PP\n" << roff(verb->get_footer()) << '\n';
  }
  page << ".SH EXIT STATUS\n" << roff(app.get_footer()) << '\n';
  auto text = page.str();
  text.pop_back();  // the last end of line, which who prints it adds
  return text;
}

}  // namespace tool
