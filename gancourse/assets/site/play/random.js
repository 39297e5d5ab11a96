// Random numbers as PyTorch draws them on a CPU: the Mersenne Twister, and its ways to uniform and normal numbers.
// So a seed of this page is the seed of the course: normal(64 * 100) from seed 7 is latent.sample(64, 100, seed=7).
(() => {
  const Play = (globalThis.Play = globalThis.Play || {});
  const N = 624, M = 397;

  class Random {
    constructor(seed) {
      this.state = new Uint32Array(N);
      this.state[0] = seed >>> 0;
      for (let i = 1; i < N; i++) {
        const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
        this.state[i] = Math.imul(1812433253, before) + i;
      }
      this.next = N;
    }

    // 32 random bits (Matsumoto and Nishimura 1998).
    bits() {
      const s = this.state;
      if (this.next === N) {
        for (let i = 0; i < N; i++) {
          const y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
          s[i] = s[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
        }
        this.next = 0;
      }
      let y = s[this.next++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }

    // In [0, 1), with 24 bits, as torch.rand.
    unit() { return (this.bits() & 0xffffff) / 0x1000000; }

    // n numbers in [low, high), as Tensor.uniform_.
    uniform(n, low, high) {
      return Float32Array.from({ length: n }, () => Math.fround(this.unit() * Math.fround(high - low)) + low);
    }

    // n whole numbers in [0, end), as torch.randint.
    integers(n, end) { return Uint32Array.from({ length: n }, () => this.bits() % end); }

    // n standard normal numbers, n of at least 16, as torch.randn: Box and Muller's way, on 16 numbers at a time.
    normal(n) {
      if (n < 16) throw new RangeError(`normal(${n}): torch draws fewer than 16 numbers in another way`);
      const x = new Float32Array(n);
      for (let i = 0; i < n; i++) x[i] = this.unit();
      for (let i = 0; i + 16 <= n; i += 16) boxMuller(x, i);
      if (n % 16) {
        for (let i = n - 16; i < n; i++) x[i] = this.unit();
        boxMuller(x, n - 16);
      }
      return x;
    }
  }

  function boxMuller(x, start) {
    for (let i = start; i < start + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - x[i])), angle = 2 * Math.PI * x[i + 8];
      x[i] = radius * Math.cos(angle);
      x[i + 8] = radius * Math.sin(angle);
    }
  }

  Play.Random = Random;
})();
