# Debian: g++ cmake ninja-build
set -euo pipefail
mkdir /tmp/c
cd /tmp/c
printf 'cmake_minimum_required(VERSION 3.10)\nproject(x CXX)\nadd_executable(x x.cc)\n' > CMakeLists.txt
cat > x.cc <<'END'
#include <iostream>
#include <thread>
int main() {
  std::thread t([] { std::cout << 42 << std::endl; });
  t.join();
  try { throw 1; } catch (int) { std::cout << "caught" << std::endl; }
}
END
cmake -G Ninja .
ninja
./x | tr '\n' ' ' | grep '42 caught'
