"""What `implicit` answers where `evaluate topn` is asked: the same files, the same figures.

    pip install implicit
    python examples/evaluate/peer_implicit.py --train FILE --test FILE [--model als|bm25|cosine] [--factors 256]

It prints one line of JSON with recall and ndcg as LightGCN-PyTorch computes them, the seconds of the fit, the most
memory that the process had, and the time of one answer for one user on one thread.
"""

import argparse
import json
import math
import os
import resource
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits


def read(path):
    with open(path) as lines:
        header = next(lines).rstrip("\n").split("\t")
        user, item = header.index("user"), header.index("item")
        return [(cells[user], cells[item]) for cells in (line.rstrip("\n").split("\t") for line in lines)]


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--train", required=True)
    ask.add_argument("--test", required=True)
    ask.add_argument("--k", type=int, default=20)
    ask.add_argument("--model", default="als", choices=["als", "bm25", "cosine"])
    ask.add_argument("--factors", type=int, default=256)
    ask.add_argument("--alpha", type=float, default=10.0)
    ask.add_argument("--regularization", type=float, default=0.1)
    ask.add_argument("--iterations", type=int, default=15)
    ask.add_argument("--neighbors", type=int, default=200)
    ask.add_argument("--threads", type=int, default=2)
    asked = ask.parse_args()
    train, test = read(asked.train), read(asked.test)
    users = {name: at for at, name in enumerate(sorted({user for user, _ in train}))}
    items = {name: at for at, name in enumerate(sorted({item for _, item in train}))}
    rows = np.array([users[user] for user, _ in train])
    columns = np.array([items[item] for _, item in train])
    matrix = csr_matrix((np.ones(len(train), dtype=np.float32), (rows, columns)), shape=(len(users), len(items)))
    wanted = {}
    for user, item in test:
        if user in users:
            wanted.setdefault(users[user], set()).add(items.get(item, -1))
    if asked.model == "als":
        model = AlternatingLeastSquares(
            factors=asked.factors,
            alpha=asked.alpha,
            regularization=asked.regularization,
            iterations=asked.iterations,
            num_threads=asked.threads,
            random_state=0,
        )
    else:
        kind = BM25Recommender if asked.model == "bm25" else CosineRecommender
        model = kind(K=asked.neighbors, num_threads=asked.threads)
    began = time.perf_counter()
    with threadpool_limits(1):
        model.fit(matrix, show_progress=False)
    fitted = time.perf_counter() - began
    recall, ndcg, times = 0.0, 0.0, []
    gain = [1 / math.log2(place + 2) for place in range(asked.k)]
    with threadpool_limits(1):
        for user, hidden in wanted.items():
            row = matrix[user]
            began = time.perf_counter()
            ids, _ = model.recommend(user, row, N=asked.k, filter_already_liked_items=True)
            times.append(time.perf_counter() - began)
            hits = [place for place, item in enumerate(ids) if item in hidden]
            recall += len(hits) / len(hidden)
            ndcg += sum(gain[place] for place in hits) / sum(gain[: min(asked.k, len(hidden))])
    times.sort()
    at = lambda percent: round(1e6 * times[math.ceil(len(times) * percent / 100) - 1], 1)
    print(
        json.dumps(
            {
                "model": vars(asked),
                "users": len(wanted),
                f"recall@{asked.k}": round(recall / len(wanted), 5),
                f"ndcg@{asked.k}": round(ndcg / len(wanted), 5),
                "fit_seconds": round(fitted, 2),
                "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
                "latency_us": {"p50": at(50), "p99": at(99)},
            }
        )
    )


if __name__ == "__main__":
    main()
