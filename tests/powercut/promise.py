"""What may be at each path after a power cut: a version, or "none"; by the marks in the log (victim.cpp)."""


class Promise:
    def __init__(self, paths):
        self.paths = [str(path) for path in paths]
        self.allowed = {("none",) * len(paths)}  # a version for each path, together
        self.jobs = {}  # text of the mark -> (when it began, what it may leave)
        self.ended = {}  # (path, version) -> when a save of it had returned
        self.now = 0

    def see(self, mark):
        """A job begins, or has returned on some rank: from then on it is held to what it promises."""
        self.now += 1
        edge, _, job = mark.partition(" ")
        what, *fields = job.split(" ")
        if not set(fields) & set(self.paths):
            return  # it is about none of these
        if edge == "end" and job in self.jobs:
            getattr(self, "_end_" + what)(*self.jobs.pop(job), *fields)
        elif edge == "begin":
            left = getattr(self, "_left_by_" + what)(*fields)
            self.jobs[job] = self.now, left
            self.allowed |= left

    def _with(self, states, **versions):
        return {tuple(versions.get(path, old) for path, old in zip(self.paths, state, strict=True)) for state in states}

    def _left_by_save(self, path, version):
        return self._with(self.allowed, **{path: version})

    def _end_save(self, began, _left, path, version):
        """What was there when it began is gone; another save that was on its way may come after it."""
        self.ended[path, version] = self.now
        at = self.paths.index(path)
        self.allowed = {
            state
            for state in self.allowed
            if state[at] == version or self.ended.get((path, state[at]), 0 if state[at] == "none" else self.now) > began
        }

    def _left_by_copy(self, _source, target, version):
        return self._with(self.allowed, **{target: version})

    def _left_by_move(self, source, target, version):
        both = self._with(self.allowed, **{target: version})
        return both | self._with(both, **{source: "none"})

    def _end_copy(self, _began, _left, source, target, version):
        self.allowed = self._with(self.allowed, **{source: version, target: version})

    def _end_move(self, _began, _left, source, target, version):
        self.allowed = self._with(self.allowed, **{source: "none", target: version})
