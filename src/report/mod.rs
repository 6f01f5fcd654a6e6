//! Shows plans and rollouts. Reporters read core `Event`s and plans, and nothing else.
