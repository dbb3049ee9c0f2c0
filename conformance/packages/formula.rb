# What Homebrew does with a formula, as far as that can be said without Homebrew: its words are taken down, and the
# steps of install and test are run against stand-ins that say what they were asked. Source: "Formula Cookbook".
#
#     ruby formula.rb stratos.rb        prints what the formula says as JSON
require "json"
require "pathname"

class Steps
  def initialize(name, told) = (@name, @told = name, told)
  def install_symlink(files) = @told << @name
  def /(path) = "/prefix/#{@name}/#{path}"
  def to_s = "/prefix/#{@name}"
end

class Formula
  FIELDS = %i[desc homepage url version sha256]
  class << self
    attr_reader :facts, :dependencies, :trial
    def inherited(formula) = formula.instance_eval { @facts, @dependencies = {}, [] }
    FIELDS.each { |field| define_method(field) { |value| @facts[field] = value } }
    def license(value) = @facts[:license] = value.fetch(:any_of)
    def depends_on(name) = @dependencies << name
    def test(&steps) = @trial = steps
  end

  attr_reader :told, :tested
  def initialize = (@told, @tested = [], [])
  def version = self.class.facts[:version]
  def bin = Steps.new("bin", @told)
  def man1 = Steps.new("man1", @told)
  def libexec = Pathname("/prefix/libexec")
  def std_npm_args = ["-ddd", "--global", "--prefix=/prefix/libexec", "package.tgz"]
  def generate_completions_from_executable(program, *words) = @told << words.join(" ")

  def system(*words)
    raise "npm without Homebrew's own arguments" if words.first == "npm" && (std_npm_args - words).any?
    @told << words.first(2).join(" ")
  end

  # The program's part is played by what it must say.
  def shell_output(command)
    words = command.delete_prefix("/prefix/bin/stratos ")
    @tested << words
    words == "--version" ? "#{version}\n" : "hi\n"
  end

  def assert_match(expected, actual) = (raise "#{expected} is not in #{actual}" unless actual.include?(expected))
  def assert_equal(expected, actual) = (raise "#{actual} is not #{expected}" unless actual == expected)
end

load ARGV.fetch(0)
missing = Formula::FIELDS.reject { |field| Stratos.facts[field].is_a?(String) }
raise "without #{missing.join(", ")}" if missing.any?
raise "no SHA-256" unless Stratos.facts[:sha256].match?(/\A\h{64}\z/)
raise "a long description" if Stratos.facts[:desc].length > 80
formula = Stratos.new
formula.install
formula.instance_exec(&Stratos.trial)
puts JSON.generate(
  version: formula.version, homepage: Stratos.facts[:homepage], url: Stratos.facts[:url],
  dependencies: Stratos.dependencies, license: Stratos.facts[:license], install: formula.told, tested: formula.tested
)
