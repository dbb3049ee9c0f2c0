# Debian: erlang-base
set -euo pipefail
erl -noshell -eval 'P = self(), [spawn(fun() -> P ! I end) || I <- lists:seq(1, 1000)],
  S = lists:sum([receive X -> X end || _ <- lists:seq(1, 1000)]), io:format("~p~n", [S]), halt().' | grep 500500
