//! The whole state: maps, and a heap for each skill. The caller holds the lock.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// Full agents last; then the least loaded, then the one who was served longest ago.
const FULL: u64 = 1 << 63;

struct Seat {
    skill: u32,
    position: u32,
}

struct Agent {
    id: String,
    load: u64,
    capacity: u64,
    served: u64,
    seats: Vec<Seat>,
}

impl Agent {
    fn key(&self) -> u64 {
        let full = if self.load >= self.capacity { FULL } else { 0 };
        full | self.load << 40 | self.served
    }
}

#[derive(Clone, Copy)]
struct Place {
    key: u64,
    agent: u32,
    seat: u32,
}

struct Held {
    agent: u32,
    version: i64,
}

pub enum Assigned {
    To { agent: String, version: i64 },
    AllBusy,
    NoneEligible,
    Duplicate,
}

pub enum Completed {
    Yes,
    Unknown,
    Stale,
}

#[derive(Default)]
pub struct Roster {
    agents: Vec<Agent>,
    numbers: FxHashMap<String, u32>,
    heaps: Vec<Vec<Place>>,
    jobs: FxHashMap<String, Held>,
    served: u64,
    version: i64,
}

impl Roster {
    /// A line for each agent: id, capacity, skills with commas, apart by tabs.
    pub fn read(path: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut roster = Self::default();
        for line in std::fs::read_to_string(path)?.lines() {
            let mut fields = line.split('\t');
            let (Some(id), Some(capacity), Some(skills)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(format!("{path}: {line:?} has not three fields").into());
            };
            roster.add(id, capacity.parse()?, skills);
        }
        Ok(roster)
    }

    fn add(&mut self, id: &str, capacity: u64, skills: &str) {
        let number = self.agents.len() as u32;
        self.served += 1;
        self.agents.push(Agent { id: id.to_owned(), load: 0, capacity, served: self.served, seats: Vec::new() });
        for (seat, skill) in skills.split(',').enumerate() {
            let heaps = &mut self.heaps;
            let skill = *self.numbers.entry(skill.to_owned()).or_insert_with(|| {
                heaps.push(Vec::new());
                heaps.len() as u32 - 1
            });
            let agent = &mut self.agents[number as usize];
            let position = self.heaps[skill as usize].len();
            agent.seats.push(Seat { skill, position: position as u32 });
            self.heaps[skill as usize].push(Place { key: agent.key(), agent: number, seat: seat as u32 });
            up(&mut self.heaps[skill as usize], &mut self.agents, position);
        }
    }

    /// The least loaded agent with the skill gets the job.
    pub fn assign(&mut self, job: String, skill: &str) -> Assigned {
        let Some(&skill) = self.numbers.get(skill) else {
            return Assigned::NoneEligible;
        };
        let Entry::Vacant(entry) = self.jobs.entry(job) else {
            return Assigned::Duplicate;
        };
        let first = self.heaps[skill as usize][0];
        if first.key & FULL != 0 {
            return Assigned::AllBusy;
        }
        self.served += 1;
        self.version += 1;
        let version = self.version;
        entry.insert(Held { agent: first.agent, version });
        let agent = &mut self.agents[first.agent as usize];
        agent.load += 1;
        agent.served = self.served;
        let id = agent.id.clone();
        self.shift(first.agent);
        Assigned::To { agent: id, version }
    }

    pub fn complete(&mut self, job: &str, version: i64) -> Completed {
        let number = match self.jobs.get(job) {
            None => return Completed::Unknown,
            Some(held) if held.version != version => return Completed::Stale,
            Some(held) => held.agent,
        };
        self.jobs.remove(job);
        self.agents[number as usize].load -= 1;
        self.shift(number);
        Completed::Yes
    }

    /// The agent takes its new place among those of each of its skills.
    fn shift(&mut self, number: u32) {
        let key = self.agents[number as usize].key();
        for seat in 0..self.agents[number as usize].seats.len() {
            let Seat { skill, position } = self.agents[number as usize].seats[seat];
            let heap = &mut self.heaps[skill as usize];
            let position = position as usize;
            let old = std::mem::replace(&mut heap[position].key, key);
            if key < old {
                up(heap, &mut self.agents, position);
            } else {
                down(heap, &mut self.agents, position);
            }
        }
    }
}

fn put(heap: &mut [Place], agents: &mut [Agent], at: usize, place: Place) {
    heap[at] = place;
    agents[place.agent as usize].seats[place.seat as usize].position = at as u32;
}

fn up(heap: &mut [Place], agents: &mut [Agent], mut at: usize) {
    let moved = heap[at];
    while at > 0 {
        let parent = (at - 1) / 2;
        if heap[parent].key <= moved.key {
            break;
        }
        put(heap, agents, at, heap[parent]);
        at = parent;
    }
    put(heap, agents, at, moved);
}

fn down(heap: &mut [Place], agents: &mut [Agent], mut at: usize) {
    let moved = heap[at];
    loop {
        let mut child = 2 * at + 1;
        if child >= heap.len() {
            break;
        }
        if child + 1 < heap.len() && heap[child + 1].key < heap[child].key {
            child += 1;
        }
        if moved.key <= heap[child].key {
            break;
        }
        put(heap, agents, at, heap[child]);
        at = child;
    }
    put(heap, agents, at, moved);
}
