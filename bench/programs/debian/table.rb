# Words counted in a table, sorted, joined and matched; objects of a small class.
Point = Struct.new(:x, :y) do
  def norm = (x * x + y * y) % 1009
end
words = (0...150_000).map { |i| "w#{i * 7919 % 5003}" }
counts = Hash.new(0)
words.each { |word| counts[word] += 1 }
top = counts.sort_by { |word, count| [-count, word] }.first(200)
text = top.map { |word, count| "#{word}=#{count}" }.join(";")
found = text.scan(/w(\d+)=(\d+)/).sum { |a, b| a.to_i + b.to_i }
sum = (0...300_000).sum { |i| Point.new(i, i ^ 5).norm }
puts found, sum
