# Debian: rustc
set -euo pipefail
cd /tmp
cat > r.rs <<'END'
use std::thread;
fn main() {
    let all: Vec<_> = (0..4).map(|i| thread::spawn(move || i * i)).collect();
    println!("{}", all.into_iter().map(|x| x.join().unwrap()).sum::<i32>());
}
END
rustc -O r.rs
./r | grep 14
