package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// An agent's place in the order of a heap: full agents last, then the least loaded, then the one who was served longest ago.
const full = uint64(1) << 63

var (
	errDuplicate = errors.New("the job is held already")
	errUnknown   = errors.New("nobody holds the job")
	errStale     = errors.New("the version is not that of the assignment")
)

type agent struct {
	id       string
	load     uint64
	capacity uint64
	served   uint64
	seats    []seat
}

// Where an agent stands in the heap of one of its skills.
type seat struct {
	heap     *skillHeap
	position int
}

func (a *agent) key() uint64 {
	key := a.load<<40 | a.served
	if a.load >= a.capacity {
		key |= full
	}
	return key
}

type entry struct {
	key   uint64
	agent *agent
	seat  int
}

// skillHeap has the agents with a skill, the next one first. Entries know their position, so any of them can be moved.
type skillHeap struct {
	entries []entry
}

func (h *skillHeap) place(at int, e entry) {
	h.entries[at] = e
	e.agent.seats[e.seat].position = at
}

func (h *skillHeap) up(at int) {
	moved := h.entries[at]
	for at > 0 {
		parent := (at - 1) / 2
		if h.entries[parent].key <= moved.key {
			break
		}
		h.place(at, h.entries[parent])
		at = parent
	}
	h.place(at, moved)
}

func (h *skillHeap) down(at int) {
	moved := h.entries[at]
	for {
		child := 2*at + 1
		if child >= len(h.entries) {
			break
		}
		if child+1 < len(h.entries) && h.entries[child+1].key < h.entries[child].key {
			child++
		}
		if moved.key <= h.entries[child].key {
			break
		}
		h.place(at, h.entries[child])
		at = child
	}
	h.place(at, moved)
}

func (h *skillHeap) set(at int, key uint64) {
	old := h.entries[at].key
	h.entries[at].key = key
	if key < old {
		h.up(at)
	} else {
		h.down(at)
	}
}

type assignment struct {
	agent   *agent
	version int64
}

// roster is the whole state: one mutex, maps and heaps.
type roster struct {
	mutex   sync.Mutex
	skills  map[string]*skillHeap
	jobs    map[string]assignment
	served  uint64
	version int64
}

func (r *roster) move(a *agent) {
	key := a.key()
	for i := range a.seats {
		a.seats[i].heap.set(a.seats[i].position, key)
	}
}

// assign gives the job to the least loaded agent with the skill; nil: none has room. known: anybody has the skill.
func (r *roster) assign(job, skill string) (chosen *agent, version int64, known bool, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if _, held := r.jobs[job]; held {
		return nil, 0, true, errDuplicate
	}
	heap := r.skills[skill]
	if heap == nil {
		return nil, 0, false, nil
	}
	first := &heap.entries[0]
	if first.key&full != 0 {
		return nil, 0, true, nil
	}
	chosen = first.agent
	chosen.load++
	r.served++
	chosen.served = r.served
	r.version++
	r.jobs[job] = assignment{chosen, r.version}
	r.move(chosen)
	return chosen, r.version, true, nil
}

func (r *roster) complete(job string, version int64) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	held, found := r.jobs[job]
	if !found {
		return errUnknown
	}
	if held.version != version {
		return errStale
	}
	delete(r.jobs, job)
	held.agent.load--
	r.move(held.agent)
	return nil
}

// readRoster takes a line for each agent: id, capacity, skills with commas, apart by tabs.
func readRoster(path string) (*roster, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := &roster{skills: map[string]*skillHeap{}, jobs: map[string]assignment{}}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q has not three fields", path, lines.Text())
		}
		capacity, err := strconv.ParseUint(fields[1], 10, 16)
		if err != nil {
			return nil, err
		}
		r.served++
		added := &agent{id: fields[0], capacity: capacity, served: r.served}
		for number, skill := range strings.Split(fields[2], ",") {
			heap := r.skills[skill]
			if heap == nil {
				heap = &skillHeap{}
				r.skills[skill] = heap
			}
			added.seats = append(added.seats, seat{heap, len(heap.entries)})
			heap.entries = append(heap.entries, entry{added.key(), added, number})
			heap.up(len(heap.entries) - 1)
		}
	}
	return r, lines.Err()
}
